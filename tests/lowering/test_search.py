"""That lowered searches find the position that TensorFlow finds."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted, lowered_ops
from quantizable import example, rewritten, save_model

from tfx_tflite_component.tflite.interpreter import TFLiteModel

_BOUNDARIES = np.float32([-1.5, 0.0, 0.0, 3.0])
_SMALLEST = np.finfo(np.float32).tiny  # TensorFlow takes anything smaller for 0
_FLOATS = np.float32(
    [
        *_BOUNDARIES,
        *np.nextafter(_BOUNDARIES[[0, 3]], np.float32(-np.inf)),
        *np.nextafter(_BOUNDARIES[[0, 3]], np.float32(np.inf)),
        *[-_SMALLEST, -0.0, _SMALLEST, 1e30, -1e30, np.inf, -np.inf, np.nan],
    ]
)
# neighbours that are the same number as 32-bit floats, and the ends of the range
_INTEGER_BOUNDARIES = [-7, 0, 2**24 + 1, 2**31 - 1]
_INTEGERS = [-(2**31), -8, -7, -6, 0, 1, 2**24, 2**24 + 1, 2**24 + 2, 2**31 - 2, 2**31 - 1]
_LONG_INTEGERS = [*_INTEGERS, 2**31, 2**32 - 7, -(2**63), 2**63 - 1]

_sides = pytest.mark.parametrize("side", ["right", "left"])


def _apply_buckets(x: tf.Tensor, boundaries: tf.Tensor) -> tf.Tensor:
    """What TF Transform's `apply_buckets` writes into a serving graph."""
    flat = tf.cast(tf.reshape(x, [-1]), boundaries.dtype)
    found = tf.searchsorted(tf.reshape(boundaries, [-1]), flat, side="right", out_type=tf.int64)
    return tf.reshape(found, tf.shape(x))


def _check(folder: pathlib.Path, compute: Compute, values: np.ndarray) -> list[str]:
    """Compares on a batch, on one value and on none."""
    lowered = converted(folder, compute, ([None, *values.shape[1:]], values.dtype))
    assert len(lowered.split.lowered["search"]) == 1
    for batch in (values, values[:1], values[:0]):
        lowered.check_same(batch)
    return lowered.ops


@pytest.mark.parametrize(("side", "op"), [("right", "UpperBound"), ("left", "LowerBound")])
def test_search_is_refused_without_the_lowering(side: str, op: str, tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path, lambda x: tf.searchsorted(_BOUNDARIES, x, side), ([None], tf.float32)
    )
    assert f"{op}, " in lowered.refused()


@_sides
@pytest.mark.parametrize("out_type", [tf.int32, tf.int64], ids=repr)
def test_search_for_floats(side: str, out_type: tf.DType, tmp_path: pathlib.Path) -> None:
    captured = tf.constant(_BOUNDARIES)
    ops = _check(tmp_path, lambda x: tf.searchsorted(captured, x, side, out_type), _FLOATS)
    assert "BUCKETIZE" in ops


@_sides
@pytest.mark.parametrize(
    ("values", "dtype"), [(_INTEGERS, np.int32), (_LONG_INTEGERS, np.int64)], ids=["int32", "int64"]
)
def test_search_for_integers(
    side: str, values: list[int], dtype: type[np.integer], tmp_path: pathlib.Path
) -> None:
    boundaries = np.asarray(_INTEGER_BOUNDARIES, dtype)
    _check(tmp_path, lambda x: tf.searchsorted(boundaries, x, side), np.asarray(values, dtype))


@_sides
def test_search_in_infinite_boundaries(side: str, tmp_path: pathlib.Path) -> None:
    boundaries = [-np.inf, -np.inf, 1.0, np.inf]
    _check(tmp_path, lambda x: tf.searchsorted(boundaries, x, side), _FLOATS)


@_sides
def test_search_in_no_boundaries(side: str, tmp_path: pathlib.Path) -> None:
    _check(tmp_path, lambda x: tf.searchsorted(tf.zeros([0]), x, side), _FLOATS)


@_sides
def test_search_in_boundaries_that_are_an_input(side: str, tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path,
        lambda boundaries, x: tf.searchsorted(boundaries, x, side),
        ([4], tf.float32),
        ([None], tf.float32),
    )
    assert len(lowered.split.lowered["search"]) == 1
    lowered.check_same(_BOUNDARIES, _FLOATS)


@_sides
def test_search_of_each_row_in_its_own_boundaries(side: str, tmp_path: pathlib.Path) -> None:
    rows = tf.stack([_BOUNDARIES, _BOUNDARIES + 1])
    lowered = converted(
        tmp_path, lambda x: tf.searchsorted(rows, x, side), ([2, len(_FLOATS)], tf.float32)
    )
    assert len(lowered.split.lowered["search"]) == 1
    lowered.check_same(np.stack([_FLOATS, _FLOATS[::-1]]))


@pytest.mark.parametrize("shape", [[16], [8, 2], [2, 4, 2], [4, 2, 1, 2]], ids=str)
def test_buckets_of_tf_transform_are_one_op(shape: list[int], tmp_path: pathlib.Path) -> None:
    boundaries = tf.constant([_BOUNDARIES])
    ops = _check(tmp_path, lambda x: _apply_buckets(x, boundaries), _FLOATS.reshape(shape))
    assert ops == ["BUCKETIZE", "CAST"]


def test_buckets_of_integers_are_those_of_floats(tmp_path: pathlib.Path) -> None:
    boundaries = tf.constant([[-7.0, 0.0, 2.0**24, 2.0**31]])
    values = np.int64(_LONG_INTEGERS)
    assert _check(tmp_path, lambda x: _apply_buckets(x, boundaries), values)[0] == "CAST"


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
def test_bucketize_is_builtin_as_it_is(dtype: type[np.number], tmp_path: pathlib.Path) -> None:
    values = _FLOATS if dtype is np.float32 else np.asarray(_INTEGERS, dtype)
    lowered = converted(
        tmp_path,
        lambda x: tf.raw_ops.Bucketize(input=x, boundaries=_BOUNDARIES.tolist()),
        ([None], dtype),
    )
    assert lowered.split.lowered == {}
    lowered.check_same(values)


@pytest.mark.parametrize(
    ("boundaries", "dtype"),
    [
        pytest.param([0.0, 2.0, 1.0], tf.float32, id="not sorted"),
        pytest.param([0.0, 1.0], tf.float64, id="64-bit floats"),
    ],
)
def test_unsupported_search_is_unchanged(
    boundaries: list[float], dtype: tf.DType, tmp_path: pathlib.Path
) -> None:
    def search(x: tf.Tensor) -> tf.Tensor:
        return tf.searchsorted(tf.constant(boundaries, dtype), x)

    assert "search" not in lowered_ops(tmp_path, search, ([None], dtype))


def test_integer_model_keeps_the_boundaries(tmp_path: pathlib.Path) -> None:
    boundaries = tf.constant([[0.1, 0.1001, 50.0]])
    source = save_model(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature([], tf.float32)},
        lambda features: {"bucket": tf.one_hot(_apply_buckets(features["x"], boundaries), 4)},
    )
    examples = [example(x=value) for value in np.linspace(-100, 100, 20)]
    config = {
        "quantization": {"mode": "FULL_INTEGER", "allow_float_fallback": True},
        # no step of 256 tells the first two boundaries apart
        "verification": {"on_failure": "WARN"},
    }
    model = TFLiteModel(rewritten(source, tmp_path / "result", config, examples).path)
    buckets = model({"x": np.float32([0.0999, 0.1, 0.10005, 0.1001, 49.9, 50.1])})["bucket"]
    assert buckets.argmax(axis=1).tolist() == [0, 1, 1, 2, 2, 3]
