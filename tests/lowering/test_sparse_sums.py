"""That sums over sparse tensors are those of TensorFlow."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Lowered, converted

# their sums are the same in any order
_VALUES = np.array([1.5, -2, 4, 0.25])
_INDICES = np.array([[0, 0], [0, 1], [2, 0], [2, 3]])


def _converted(folder: pathlib.Path, dtype: type[np.number], **options: object) -> Lowered:
    return converted(
        folder,
        lambda *parts: tf.sparse.reduce_sum(tf.SparseTensor(*parts), **options),
        ([None, 2], tf.int64),
        ([None], dtype),
        ([2], tf.int64),
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"axis": 1},
        {"axis": [0], "keepdims": True},
        {"axis": -1},
        {"axis": [1, 0], "keepdims": True},
    ],
    ids=str,
)
def test_sums_over_axes(options: dict[str, object], tmp_path: pathlib.Path) -> None:
    lowered = _converted(tmp_path, np.float32, **options)
    assert "SparseReduceSum, available" in lowered.refused()
    values = np.float32(_VALUES)
    lowered.check_same(_INDICES, values, np.array([3, 4]))
    lowered.check_same(_INDICES, values, np.array([5, 6]))
    lowered.check_same(_INDICES[:1], values[:1], np.array([1, 1]))
    lowered.check_same(_INDICES[:0], values[:0], np.array([2, 3]))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_sums_of_integers(dtype: type[np.integer], tmp_path: pathlib.Path) -> None:
    values = np.array([np.iinfo(dtype).max, 1, -5, 2], dtype)
    _converted(tmp_path, dtype, axis=1).check_same(_INDICES, values, np.array([3, 4]))


@pytest.mark.parametrize("shape", [[0, 4], [3, 0]], ids=str)
def test_sums_of_no_elements(shape: list[int], tmp_path: pathlib.Path) -> None:
    # TFLite's own op would end the process
    lowered = _converted(tmp_path, np.float32, axis=1)
    lowered.check_same(_INDICES[:0], np.float32([]), np.array(shape))


def test_values_that_share_a_place_are_added_up(tmp_path: pathlib.Path) -> None:
    lowered = _converted(tmp_path, np.float32, axis=1)
    lowered.check_same(_INDICES[[0, 0, 2, 2]], np.float32(_VALUES), np.array([3, 4]))


def test_values_that_are_not_finite_stay_in_their_row(tmp_path: pathlib.Path) -> None:
    values = np.float32([np.inf, 1, np.nan, 1])
    _converted(tmp_path, np.float32, axis=1).check_same(_INDICES, values, np.array([4, 4]))
