"""That reshapes go where they are taken back, and nowhere else."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted, lowered_ops

_BOUNDARIES = [0.0, 1.0, 2.0]


def _around(compute: Compute) -> Compute:
    """Flattens what is computed with, and gives it its shape back."""
    return lambda x: tf.reshape(compute(tf.reshape(x, [-1])), tf.shape(x))


def _bucketize(x: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.Bucketize(input=x, boundaries=_BOUNDARIES)


@pytest.mark.parametrize("shape", [[None, 3], [2, 3], [2, None, 3]], ids=str)
@pytest.mark.parametrize(
    ("compute", "ops"),
    [
        pytest.param(tf.identity, [], id="nothing"),
        pytest.param(lambda x: tf.cast(x, tf.int32), ["CAST"], id="cast"),
        pytest.param(
            lambda x: tf.cast(tf.squeeze(_bucketize(tf.expand_dims(x, 0)), 0), tf.float32),
            ["BUCKETIZE", "CAST"],
            id="bucket",
        ),
    ],
)
def test_removes_reshapes_that_are_taken_back(
    compute: Compute, ops: list[str], shape: list[int | None], tmp_path: pathlib.Path
) -> None:
    lowered = converted(tmp_path, lambda x: _around(compute)(x + 1), (shape, tf.float32))
    assert lowered.ops == ["ADD", *ops]
    for unknown in (4, 1, 0) if None in shape else (0,):
        sizes = [unknown if size is None else size for size in shape]
        lowered.check_same(_values(sizes))


def _values(sizes: list[int]) -> np.ndarray:
    return np.linspace(-2, 3, int(np.prod(sizes)), dtype=np.float32).reshape(sizes)


@pytest.mark.parametrize(
    ("compute", "shape"),
    [
        pytest.param(lambda x: tf.reshape(x, [-1, 3, 2]), [None, 2, 3], id="other sizes"),
        pytest.param(lambda x: tf.reshape(x, [3, -1]), [None, 3], id="unknown size elsewhere"),
        pytest.param(lambda x: tf.reshape(x, [-1]), [None, 1], id="other rank"),
        pytest.param(
            lambda x: tf.reshape(x, tf.reverse(tf.shape(x), [0])), [None, None], id="unknown sizes"
        ),
        pytest.param(
            lambda x: tf.reshape(tf.transpose(tf.reshape(x, [-1, 2, 2]), [0, 2, 1]), [-1, 4]),
            [None, 4],
            id="moved in between",
        ),
        pytest.param(
            lambda x: tf.reshape(tf.cumsum(tf.reshape(x, [-1])), [-1, 3]),
            [None, 3],
            id="computed with in between",
        ),
    ],
)
def test_keeps_reshapes_that_matter(
    compute: Compute, shape: list[int | None], tmp_path: pathlib.Path
) -> None:
    lowered = converted(tmp_path, compute, (shape, tf.float32))
    assert "reshapes" not in lowered.split.lowered
    lowered.check_same(_values([4 if size is None else size for size in shape]))


def test_reshapes_of_empty_tensors_are_kept(tmp_path: pathlib.Path) -> None:
    # no elements, so that the sizes may change
    compute = _around(tf.identity)
    assert lowered_ops(tmp_path, compute, ([None, 0], tf.float32)) == {}


def test_intermediate_results_used_elsewhere_are_kept(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(x, [-1])
        buckets = _bucketize(flat)
        return tf.reshape(buckets, tf.shape(x)) + tf.reduce_sum(buckets) + tf.size(flat)

    lowered = converted(tmp_path, compute, ([None, 2], tf.float32))
    assert "reshapes" in lowered.split.lowered
    lowered.check_same(_values([3, 2]))
