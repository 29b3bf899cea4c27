"""What the tests expect of one environment and not of the other: all of it is here."""

import math
import sys

import numpy as np
import pytest
import tensorflow as tf

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    Interpreter = tf.lite.Interpreter

_TENSORFLOW = tuple(map(int, tf.__version__.split(".")[:2]))

PREFERRED_INTERPRETER = Interpreter
"""The interpreter that this package takes: LiteRT's is installed beside TFX 1.21 alone."""

RUNS_SELECT_TF_OPS = _TENSORFLOW < (2, 20)
"""Whether the Python interpreter has the Select TF ops."""

OLD_CONVERTER_IS_A_PROGRAM = _TENSORFLOW < (2, 20)
"""Whether the old converter is looked for on the path."""

CRASHES_IN_CALIBRATION = _TENSORFLOW < (2, 20)
"""Whether the converter crashes where it calibrates a model with ops that TFLite lacks."""

IS_OLDEST = _TENSORFLOW == (2, 16)
"""Whether this is the environment of TFX 1.16; the other one is that of TFX 1.21."""

OF_NO_VERSION = pytest.mark.of_no_version
"""For tests of processes, files and configs, on which versions of TFX have no bearing.

They run with the oldest version alone; conftest.py sees to that.
"""

HAS_GENERATOR = sys.version_info[:2] == (3, 10)
"""Whether the generator of the protobuf code runs on this Python."""

HAS_BFLOAT16 = _TENSORFLOW >= (2, 20)
"""Whether TFLite has tensors of bfloat16."""

LARGEST_CONSTANT = math.inf if _TENSORFLOW < (2, 21) else float(np.finfo(np.float32).max)
"""The largest float that the converter keeps in a constant: newer ones make it of infinity."""
