"""That checks go which values pass through, and that the values stay."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted

_X = np.float32([[1, 5], [-0.0, 3], [2, np.nan]])


def _unknown(x: tf.Tensor) -> tf.Tensor:
    """The same values, of whose shape nothing is known."""
    return tf.reshape(x, tf.boolean_mask(tf.shape(x), tf.shape(x) > -1))


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(lambda x: tf.ensure_shape(_unknown(x), [None, 2]), id="columns"),
        pytest.param(lambda x: tf.ensure_shape(_unknown(x), [None, None]), id="rank"),
        pytest.param(lambda x: tf.ensure_shape(_unknown(x)[:, :2], [3, 2]), id="shape"),
    ],
)
def test_shape_that_is_ensured_is_known(check: Compute, tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, lambda x: check(x) * 2, ([None, 2], tf.float32))
    assert "EnsureShape, available" in lowered.refused()
    assert lowered.split.tail.function.structured_outputs["output_0"].shape.rank == 2
    lowered.check_same(_X)


def test_ensured_words(tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path, lambda x: tf.ensure_shape(_unknown(x), [None, 2]), ([None, 2], tf.string)
    )
    lowered.check_same(np.array([[b"a", b""]], object))


@pytest.mark.parametrize("shape", [[None, 2], [None, None]], ids=str)
def test_shape_that_is_known_is_not_ensured(
    shape: list[int | None], tmp_path: pathlib.Path
) -> None:
    lowered = converted(tmp_path, lambda x: tf.ensure_shape(x, shape) * 2, ([None, 2], tf.float32))
    assert lowered.ops == ["MUL"]


@pytest.mark.parametrize("op", [tf.raw_ops.CheckNumerics, tf.raw_ops.CheckNumericsV2])
def test_numbers_are_not_checked(op: Compute, tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, lambda x: op(tensor=x, message="") * 2, ([None], tf.float32))
    assert lowered.ops == ["MUL"]
    # the signature itself refuses other numbers
    lowered.check_same(np.float32([0.5, -0.0, 3e38]))
    assert np.isnan(lowered.model({"x0": np.float32([np.nan])})["y"])


def test_report_lists_numbers_that_are_not_checked(tmp_path: pathlib.Path) -> None:
    def positive(x: tf.Tensor) -> tf.Tensor:
        return tf.cond(x[0] > 0, lambda: tf.debugging.check_numerics(x, "positive"), lambda: -x)

    lowered = converted(
        tmp_path, lambda x: positive(tf.debugging.check_numerics(x, "all")), ([None], tf.float32)
    )
    scopes = [name.rpartition("/")[2] for name in lowered.split.checks]
    assert scopes == ["CheckNumerics", "cond"]
