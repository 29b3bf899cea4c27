"""That ragged rows become the dense rows that TensorFlow makes of them."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from lowerings import converted

from tfx_tflite_component.errors import UnsupportedOpsError

_FLOATS = np.float32([1.5, np.nan, -0.0, np.inf, 7])
_SPLITS = np.array([0, 2, 2, 5])
_ROWS = np.array([0, 0, 2, 2, 2])

ToDense = Callable[[tf.RaggedTensor], tf.Tensor]


def _of_splits(values: tf.Tensor, splits: tf.Tensor) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)


@pytest.mark.parametrize(
    "to_dense",
    [
        pytest.param(lambda x: x.to_tensor(-1), id="as long as the longest"),
        pytest.param(lambda x: x.to_tensor(-1, shape=[None, 4]), id="longer"),
        pytest.param(lambda x: x.to_tensor(-1, shape=[None, 2]), id="cut"),
        pytest.param(lambda x: x.to_tensor(-1, shape=[2, None]), id="fewer rows"),
        pytest.param(lambda x: x.to_tensor(-1, shape=[5, 2]), id="more rows, cut"),
    ],
)
def test_rows_of_row_splits(to_dense: ToDense, tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path,
        lambda values, splits: to_dense(_of_splits(values, splits)),
        ([None], tf.float32),
        ([None], tf.int64),
    )
    assert "RaggedTensorToTensor, available" in lowered.refused()
    lowered.check_same(_FLOATS, _SPLITS)
    lowered.check_same(_FLOATS[:2], _SPLITS[:2])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_rows_of_integers_and_small_splits(dtype: type[np.integer], tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path,
        lambda values, splits: tf.reduce_sum(_of_splits(values, splits).to_tensor(), axis=1),
        ([None], dtype),
        ([None], tf.int32),
    )
    values = np.asarray([3, -1, 2, 5, 7], dtype)
    for splits in ([0, 2, 2, 5], [0, 5], [0, 0, 0], [0]):
        lowered.check_same(values[: splits[-1]], np.int32(splits))


def test_rows_of_row_numbers(tmp_path: pathlib.Path) -> None:
    def to_dense(values: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        ragged = tf.RaggedTensor.from_value_rowids(values, rows, count, validate=False)
        return ragged.to_tensor(-1, shape=[None, 4])

    lowered = converted(
        tmp_path, to_dense, ([None], tf.float32), ([None], tf.int64), ([], tf.int64)
    )
    lowered.check_same(_FLOATS, _ROWS, np.array(5))
    lowered.check_same(_FLOATS[:0], _ROWS[:0], np.array(2))


def test_words_that_are_looked_up(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    initializer = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([5, 7], tf.int64))
    module.table = tf.lookup.StaticHashTable(initializer, -2)
    lowered = converted(
        tmp_path,
        lambda words, splits: module.table.lookup(_of_splits(words, splits).to_tensor("b")),
        ([None], tf.string),
        ([None], tf.int64),
        module=module,
    )
    lowered.check_same(np.array([b"a", b"?", b"b", b"a", b"a"], object), _SPLITS)


@pytest.mark.parametrize(
    "to_dense",
    [
        pytest.param(
            lambda values, splits: _of_splits(tf.stack([values, values], 1), splits).to_tensor(),
            id="values with dimensions of their own",
        ),
        pytest.param(
            lambda values, splits: _of_splits(_of_splits(values, splits), [0, 1]).to_tensor(),
            id="rows of rows",
        ),
        pytest.param(
            lambda values, splits: _of_splits(values, splits).to_tensor(
                shape=tf.stack([tf.constant(-1, tf.int64), splits[1]])
            ),
            id="computed shape",
        ),
    ],
)
def test_unsupported_cases_are_unchanged(
    to_dense: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], tmp_path: pathlib.Path
) -> None:
    with pytest.raises(UnsupportedOpsError, match="RaggedTensorToTensor, available"):
        converted(tmp_path, to_dense, ([None], tf.float32), ([None], tf.int64))
