"""That counts of the integers in sparse and ragged rows are those of TensorFlow."""

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from lowerings import Compute, converted

from tfx_tflite_component.errors import UnsupportedOpsError

_BINS = 4
# the low 32 bits of the last one are a bin
_INTEGERS = np.array([1, 3, 1, 0, 4, 2**32 + 1])
_WEIGHTS = np.array([0.5, 2, 4, -1, np.nan, np.inf])
_INDICES = np.array([[0, 0], [0, 1], [0, 5], [2, 0], [2, 1], [2, 3]])
_SPLITS = np.array([0, 3, 3, 6])

_SPARSE = [([None, 2], tf.int64), ([None], tf.int64), ([2], tf.int64)]


def _count(integers: Any, weights: Any = None, **options: Any) -> tf.Tensor:
    """The way in which Keras counts."""
    return tf.math.bincount(integers, weights, minlength=_BINS, maxlength=_BINS, axis=-1, **options)


@pytest.mark.parametrize(
    ("dtype", "binary_output"), [(tf.float32, False), (tf.int64, False), (tf.int64, True)]
)
def test_counts_of_sparse_rows(
    dtype: tf.DType, binary_output: bool, tmp_path: pathlib.Path
) -> None:
    def count(*parts: tf.Tensor) -> tf.Tensor:
        return _count(tf.SparseTensor(*parts), dtype=dtype, binary_output=binary_output)

    lowered = converted(tmp_path, count, *_SPARSE)
    assert "SparseBincount, available" in lowered.refused()
    lowered.check_same(_INDICES, _INTEGERS, np.array([3, 6]))
    lowered.check_same(_INDICES[:3], _INTEGERS[:3], np.array([1, 6]))
    lowered.check_same(_INDICES[:0], _INTEGERS[:0], np.array([2, 0]))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_sums_of_weights(dtype: type[np.number], tmp_path: pathlib.Path) -> None:
    def count(
        indices: tf.Tensor, integers: tf.Tensor, shape: tf.Tensor, weights: tf.Tensor
    ) -> tf.Tensor:
        rows = tf.SparseTensor(indices, integers, shape)
        return _count(rows, tf.SparseTensor(indices, weights, shape))

    lowered = converted(tmp_path, count, *_SPARSE, ([None], dtype))
    weights = _WEIGHTS if dtype is np.float32 else np.arange(6) - 2
    lowered.check_same(_INDICES, _INTEGERS, np.array([3, 6]), np.asarray(weights, dtype))


@pytest.mark.parametrize(("dtype", "binary_output"), [(np.int32, False), (np.int64, True)])
def test_counts_of_ragged_rows(
    dtype: type[np.integer], binary_output: bool, tmp_path: pathlib.Path
) -> None:
    def count(integers: tf.Tensor, splits: tf.Tensor) -> tf.Tensor:
        rows = tf.RaggedTensor.from_row_splits(integers, splits, validate=False)
        return _count(rows, binary_output=binary_output)

    lowered = converted(tmp_path, count, ([None], dtype), ([None], tf.int64))
    assert "RaggedBincount, available" in lowered.refused()
    integers = np.asarray(_INTEGERS % 7, dtype)
    lowered.check_same(integers, _SPLITS)
    lowered.check_same(integers[:3], _SPLITS[:2])
    lowered.check_same(integers[:0], _SPLITS[:1] * np.zeros([3], np.int64))


def test_lengths_of_rows_made_ragged(tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path,
        lambda *parts: tf.RaggedTensor.from_sparse(tf.SparseTensor(*parts)).row_splits,
        *_SPARSE,
    )
    indices = np.array([[0, 0], [0, 1], [2, 0], [2, 1], [2, 2], [3, 0]])
    assert "DenseBincount, available" in lowered.refused()
    lowered.check_same(indices, _INTEGERS, np.array([5, 3]))
    lowered.check_same(indices[:0], _INTEGERS[:0], np.array([0, 0]))
    lowered.check_same(indices[:0], _INTEGERS[:0], np.array([2, 0]))


@pytest.mark.slow
def test_sparse_rows_of_keras_before_a_dense_layer(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.lookup = tf_keras.layers.IntegerLookup(vocabulary=[3, 1], output_mode="multi_hot")
    module.matrix = tf.Variable(np.float32([[1, 2], [4, 8], [16, 32]]))
    lowered = converted(
        tmp_path,
        lambda *parts: module.lookup(tf.SparseTensor(*parts)) @ module.matrix,
        *_SPARSE,
        module=module,
    )
    lowered.check_same(_INDICES, _INTEGERS, np.array([3, 6]))
    lowered.check_same(_INDICES[:0], _INTEGERS[:0], np.array([2, 0]))


@pytest.mark.parametrize(
    ("count", "words"),
    [
        pytest.param(
            lambda x: _count(tf.reshape(x, [-1]), dtype=tf.float64),
            "DenseBincount of float64, available",
            id="doubles",
        ),
        pytest.param(
            lambda x: tf.raw_ops.DenseBincount(
                input=x, size=tf.reduce_max(x) + 1, weights=tf.zeros([0], tf.int32)
            ),
            "DenseBincount, available",
            id="bins computed for dense rows",
        ),
    ],
)
def test_unsupported_cases_are_unchanged(
    count: Compute, words: str, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(UnsupportedOpsError, match=words):
        converted(tmp_path, count, ([None, 3], tf.int64))
