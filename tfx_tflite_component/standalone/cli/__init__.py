"""The command line `tfx-tflite`."""
