"""Changes to a float model that keep its outputs, and make its tensors fit for integers."""
