"""That new axes are where TensorFlow inserts them."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted, lowered_ops

_X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(lambda x: x[..., tf.newaxis], id="at the end"),
        pytest.param(lambda x: x[:, tf.newaxis, 1:, ..., tf.newaxis], id="two, and a slice"),
        pytest.param(lambda x: x[0, ..., tf.newaxis, ::-2], id="behind an axis that is gone"),
        pytest.param(lambda x: x[tf.newaxis, :, -1, tf.newaxis], id="around one that is gone"),
    ],
)
def test_axes_of_several_unknown_sizes(index: Compute, tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, lambda x: index(x) * 2, ([None, None, 4], tf.float32))
    assert "new_axes" in lowered.split.lowered
    lowered.check_same(_X)
    lowered.check_same(_X[:1, :2])


def test_axis_above_five_dimensions(tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, lambda x: x[..., tf.newaxis], ([None, 1, 3, 2, 2], tf.float32))
    lowered.check_same(_X.reshape(2, 1, 3, 2, 2))


def test_axis_that_the_converter_inserts_stays(tmp_path: pathlib.Path) -> None:
    rewritten = lowered_ops(tmp_path, lambda x: x[..., tf.newaxis], ([None, 3], tf.float32))
    assert "new_axes" not in rewritten
