"""`python -m tfx_tflite_component`, which is the command line `tfx-tflite`."""

import sys

from tfx_tflite_component.standalone.cli.main import run

sys.exit(run())
