"""`TFLiteRewriter`: the component and its executor."""
