"""The `.tflite` file: its content, and the interpreter."""
