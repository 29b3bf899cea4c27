"""What is measured: each module has `rows()`."""
