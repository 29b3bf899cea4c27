"""That lowered bin counts are those of TensorFlow."""

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from lowerings import Compute, converted, lowered_ops

_BINS = 4
_ROWS = [[1, 1, 2], [3, 0, 9], [4, 2**31 - 1, 0], [0, 0, 0]]


def _count(*inputs: tf.Tensor, **options: Any) -> tf.Tensor:
    """The way in which Keras counts."""
    return tf.math.bincount(*inputs, minlength=_BINS, maxlength=_BINS, axis=-1, **options)


def _check(folder: pathlib.Path, compute: Compute, values: np.ndarray) -> list[str]:
    """Compares on a batch, on one row and on none."""
    lowered = converted(folder, compute, ([None, *values.shape[1:]], values.dtype))
    assert len(lowered.split.lowered["bincount"]) == 1
    for batch in (values, values[:1], values[:0]):
        lowered.check_same(batch)
    return lowered.ops


def test_count_is_refused_without_the_lowering(tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, _count, ([None, 3], tf.int32))
    assert "DenseBincount, available" in lowered.refused()


@pytest.mark.parametrize("binary_output", [False, True], ids=["count", "multi-hot"])
@pytest.mark.parametrize("dtype", [tf.float32, tf.int32, tf.int64], ids=repr)
def test_counts_of_rows(dtype: tf.DType, binary_output: bool, tmp_path: pathlib.Path) -> None:
    ops = _check(
        tmp_path,
        lambda x: _count(x, dtype=dtype, binary_output=binary_output),
        np.int32(_ROWS),
    )
    assert ops == ["ONE_HOT", "REDUCE_MAX" if binary_output else "SUM"]


@pytest.mark.parametrize("binary_output", [False, True], ids=["count", "multi-hot"])
def test_counts_of_a_vector(binary_output: bool, tmp_path: pathlib.Path) -> None:
    values = np.int32(_ROWS).ravel()
    _check(tmp_path, lambda x: _count(x, binary_output=binary_output), values)


@pytest.mark.parametrize("binary_output", [False, True], ids=["count", "multi-hot"])
def test_counts_of_long_integers(binary_output: bool, tmp_path: pathlib.Path) -> None:
    # the low 32 bits of these are in the range
    values = np.int64(_ROWS) + np.int64([[0], [0], [2**32], [2**40]])
    _check(tmp_path, lambda x: _count(x, binary_output=binary_output), values)


@pytest.mark.parametrize("binary_output", [False, True], ids=["count", "multi-hot"])
def test_counts_of_rows_of_unknown_length(binary_output: bool, tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path, lambda x: _count(x, binary_output=binary_output), ([None, None], np.int32)
    )
    assert len(lowered.split.lowered["bincount"]) == 1
    for columns in (3, 1, 0):
        lowered.check_same(np.int32(_ROWS)[:, :columns])


_WEIGHTS = np.array([[0.5, 2, 4], [-1, np.nan, 8], [3, -np.inf, np.inf], [-0.0, 0, 1]], np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
def test_sums_of_weights(dtype: type[np.number], tmp_path: pathlib.Path) -> None:
    weights = _WEIGHTS
    if dtype is not np.float32:
        weights = np.asarray(np.nan_to_num(_WEIGHTS, posinf=7, neginf=-7), dtype)
    lowered = converted(tmp_path, _count, ([None, 3], np.int32), ([None, 3], dtype))
    assert len(lowered.split.lowered["bincount"]) == 1
    for size in (4, 1, 0):
        lowered.check_same(np.int32(_ROWS)[:size], weights[:size])


def test_binary_output_ignores_weights(tmp_path: pathlib.Path) -> None:
    def count(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.DenseBincount(
            input=values, size=_BINS, weights=weights, binary_output=True
        )

    lowered = converted(tmp_path, count, ([None, 3], np.int32), ([None, 3], np.float32))
    lowered.check_same(np.int32(_ROWS), _WEIGHTS)


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("layers", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_category_encoding(layers: Any, mode: str, tmp_path: pathlib.Path) -> None:
    values = np.int64([[3], [0], [1]] if mode == "one_hot" else [[3, 0, 3], [1, 1, 1], [0, 1, 2]])
    layer = layers.layers.CategoryEncoding(num_tokens=_BINS, output_mode=mode)
    inputs = layers.Input(shape=values.shape[1:], dtype="int64")
    model = layers.Model(inputs, layer(inputs))
    lowered = converted(tmp_path, model, ([None, values.shape[1]], np.int64))
    lowered.check_same(values)
    lowered.check_same(values[:1])
    # nothing is left of what checks the range
    assert {"GREATER", "GREATER_EQUAL", "LESS", "REDUCE_MIN"}.isdisjoint(lowered.ops)


def _sized(size: Callable[[tf.Tensor], tf.Tensor]) -> Compute:
    return lambda x: tf.raw_ops.DenseBincount(
        input=x, size=size(tf.reduce_max(x)), weights=tf.zeros([0])
    )


@pytest.mark.parametrize(
    ("size", "is_constant"),
    [
        pytest.param(lambda x: tf.constant(4), True, id="a constant"),
        pytest.param(lambda x: tf.minimum(4, tf.maximum(4, x)), True, id="minlength = maxlength"),
        pytest.param(lambda x: tf.maximum(tf.minimum(x, 4), 4), True, id="the other way round"),
        pytest.param(lambda x: tf.minimum(4, tf.maximum(9, x)), True, id="maxlength < minlength"),
        pytest.param(
            lambda x: tf.minimum(tf.minimum(5, x), tf.maximum(4, x + 9)),
            False,
            id="two bounds above",
        ),
        pytest.param(lambda x: tf.minimum(4, tf.maximum(3, x)), False, id="minlength < maxlength"),
        pytest.param(lambda x: tf.maximum(4, x), False, id="minlength alone"),
        pytest.param(lambda x: tf.minimum(4, x), False, id="maxlength alone"),
        pytest.param(lambda x: x + 1, False, id="the data's"),
    ],
)
def test_number_of_bins_is_constant(
    size: Callable[[tf.Tensor], tf.Tensor], is_constant: bool, tmp_path: pathlib.Path
) -> None:
    rewritten = lowered_ops(tmp_path, _sized(size), ([None, 3], tf.int32))
    assert ("bincount" in rewritten) == is_constant


def test_constant_number_of_bins_is_the_right_one(tmp_path: pathlib.Path) -> None:
    compute = _sized(lambda x: tf.minimum(tf.maximum(tf.minimum(x, 2), 3), tf.maximum(x, 7)))
    lowered = converted(tmp_path, compute, ([None, 3], np.int32))
    lowered.check_same(np.int32(_ROWS))


def test_64_bit_floats_are_unchanged(tmp_path: pathlib.Path) -> None:
    rewritten = lowered_ops(tmp_path, lambda x: _count(x, dtype=tf.float64), ([None, 3], tf.int32))
    assert "bincount" not in rewritten
