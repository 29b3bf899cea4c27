"""That small integers stay small, and the same."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted, lowered_ops

_EMBEDDINGS = tf.constant(np.float32([[0.5], [1], [-2], [4]]))


def _bucket(x: tf.Tensor) -> tf.Tensor:
    """A small integer, as TF Transform hands it over."""
    return tf.cast(tf.raw_ops.Bucketize(input=x, boundaries=[0.0, 1.0, 2.0]), tf.int64)


@pytest.mark.parametrize(
    ("read", "casts"),
    [
        pytest.param(lambda x: tf.cast(x, tf.int32), 0, id="int32"),
        pytest.param(lambda x: tf.cast(x, tf.float32), 1, id="float32"),
        pytest.param(lambda x: tf.one_hot(x, 4), 0, id="one-hot"),
        pytest.param(lambda x: tf.gather(_EMBEDDINGS, x), 0, id="gathered"),
        pytest.param(
            lambda x: tf.one_hot(tf.squeeze(tf.reshape(tf.expand_dims(x, 1), [-1, 2, 1]), 2), 4),
            0,
            id="reshaped",
        ),
        pytest.param(lambda x: x, 1, id="output"),
        pytest.param(lambda x: x * 2**40, 1, id="large again"),
    ],
)
def test_small_integers_are_read_as_int32(
    read: Compute, casts: int, tmp_path: pathlib.Path
) -> None:
    lowered = converted(tmp_path, lambda x: read(_bucket(x)), ([None], tf.float32))
    values = np.float32([-1, 0, 0.5, 1, 2, np.nan])
    for batch in (values, values[:2], values[:0]):
        lowered.check_same(batch)
    assert lowered.ops.count("CAST") == casts


def test_reads_rows_of_a_variable(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.rows = tf.Variable(_EMBEDDINGS)
    lowered = converted(
        tmp_path,
        lambda x: tf.nn.embedding_lookup(module.rows, _bucket(x)),
        ([None], tf.float32),
        module=module,
    )
    lowered.check_same(np.float32([-1, 0, 1, 2]))
    assert lowered.ops == ["BUCKETIZE", "GATHER"]


@pytest.mark.parametrize("find", [tf.argmax, tf.argmin])
def test_position_is_found_as_int32(find: Compute, tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path, lambda x: tf.cast(find(x, axis=1), tf.int32), ([None, 3], tf.float32)
    )
    lowered.check_same(np.float32([[1, 2, 0], [3, 3, 1]]))
    assert "CAST" not in lowered.ops


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int16, np.int32])
def test_casts_return_the_same_values(dtype: type[np.generic], tmp_path: pathlib.Path) -> None:
    def cast(x: tf.Tensor) -> tf.Tensor:
        wide = tf.cast(x, tf.int64)
        cast_to = [tf.cast(wide, to) for to in (tf.float32, tf.int32, tf.int8, tf.uint8, tf.bool)]
        return tf.stack([tf.cast(values, tf.float32) for values in cast_to])

    ends = [0, 1] if dtype is np.bool_ else [np.iinfo(dtype).min, np.iinfo(dtype).max]
    lowered = converted(tmp_path, cast, ([None], dtype))
    assert len(lowered.split.lowered["casts"]) == 5
    lowered.check_same(np.array([*ends, 0, 1, 2, 127], dtype))


@pytest.mark.parametrize(
    ("compute", "dtype"),
    [
        pytest.param(lambda x: x, tf.int64, id="64-bit integers"),
        pytest.param(lambda x: tf.cast(x, tf.int64), tf.uint32, id="unsigned 32-bit integers"),
        pytest.param(lambda x: tf.cast(x, tf.int64), tf.float32, id="floats"),
        pytest.param(lambda x: tf.cast(x, tf.int64) + 1, tf.int32, id="computed with"),
    ],
)
def test_possibly_large_integers_are_unchanged(
    compute: Compute, dtype: tf.DType, tmp_path: pathlib.Path
) -> None:
    rewritten = lowered_ops(tmp_path, lambda x: tf.cast(compute(x), tf.float32), ([None], dtype))
    assert "casts" not in rewritten
