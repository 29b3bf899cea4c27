"""That values are clipped as TensorFlow clips them."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import converted

_EDGES = np.float32([-3e38, -1e5, -32769, -129, -128.5, -1, -0.0, 0.5, 127.5, 255, 256, 7e4, 3e38])


@pytest.mark.parametrize("dtype", [tf.uint8, tf.int8, tf.int16, tf.int32])
def test_saturating_cast_of_floats(dtype: tf.DType, tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, lambda x: tf.saturate_cast(x, dtype), ([None], tf.float32))
    lowered.check_same(_EDGES)


def test_saturating_cast_of_integers(tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, lambda x: tf.saturate_cast(x, tf.uint8), ([None], tf.int32))
    lowered.check_same(np.int32([-(2**31), -1, 0, 255, 256, 2**31 - 1]))


def test_bounds_that_are_computed_when_the_model_runs(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        bound = tf.reduce_mean(x)
        return tf.raw_ops.ClipByValue(t=x, clip_value_min=-bound, clip_value_max=bound)

    converted(tmp_path, compute, ([None], tf.float32)).check_same(np.float32([1, 5, -2, 0, np.inf]))
