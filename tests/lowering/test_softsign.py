"""That softsign is that of TensorFlow for all values."""

import pathlib

import numpy as np
import tensorflow as tf
from lowerings import converted


def test_softsign_is_the_same(tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, tf.nn.softsign, ([None], tf.float32))
    lowered.check_same(np.float32([-3e38, -1e4, -1, -1e-30, -0.0, 0, 1e-30, 0.5, 3e38, np.nan]))
