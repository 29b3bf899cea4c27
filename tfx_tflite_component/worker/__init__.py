"""The separate process that uses TensorFlow, and how its death is explained."""
