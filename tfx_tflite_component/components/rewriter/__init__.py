"""`TFLiteRewriter`: what it takes and gives, and what it does."""
