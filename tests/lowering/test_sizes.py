"""That sizes become constants where they are known, and the same."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted, lowered_ops

_SHAPE = [None, 2, None, 3]


def _compute(sizes: Compute, out_type: tf.DType) -> Compute:
    return lambda x: sizes(tf.shape(x, out_type)) + tf.cast(tf.reduce_sum(x), out_type)


@pytest.mark.parametrize("out_type", [tf.int32, tf.int64], ids=repr)
@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(lambda shape: shape[1], id="the second"),
        pytest.param(lambda shape: shape[::-2], id="every other one, from behind"),
        pytest.param(
            lambda shape: tf.raw_ops.Shape(input=tf.stack([shape, shape]), out_type=shape.dtype),
            id="of a known shape",
        ),
    ],
)
def test_known_sizes_become_constants(
    sizes: Compute, out_type: tf.DType, tmp_path: pathlib.Path
) -> None:
    lowered = converted(tmp_path, _compute(sizes, out_type), (_SHAPE, tf.float32))
    assert "sizes" in lowered.split.lowered
    assert "SHAPE" not in lowered.ops
    for batch in (1, 4):
        lowered.check_same(np.ones([batch, 2, 5, 3], np.float32))


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(lambda shape: shape, id="all of them"),
        pytest.param(lambda shape: shape[:2], id="the first two"),
        pytest.param(lambda shape: shape[shape[1] :], id="sliced by a size"),
    ],
)
def test_unknown_sizes_are_unchanged(sizes: Compute, tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, _compute(sizes, tf.int32), (_SHAPE, tf.float32))
    for batch in (1, 4):
        lowered.check_same(np.ones([batch, 2, 5, 3], np.float32))
    assert "SHAPE" in lowered.ops


def test_data_dependent_size_is_unchanged(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.shape(x)[tf.cast(x[0, 0], tf.int32)]

    assert "sizes" not in lowered_ops(tmp_path, compute, ([None, 3], tf.float32))


def test_shape_of_unknown_rank_is_unchanged(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.shape(tf.reshape(x, tf.boolean_mask(tf.shape(x), tf.shape(x) > 0)))[:1]

    assert "sizes" not in lowered_ops(tmp_path, compute, ([None, None], tf.float32))
