"""That rounding which a model amplifies is told from a difference."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from lowerings import saved

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.split import split
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.verification.rounding import differs_noticeably, rounding
from tfx_tflite_component.verification.verify import verify


def _relative_error(
    folder: pathlib.Path, compute: Callable, other: Callable, is_float: bool
) -> float:
    """The error of the TFLite model of another function, on random inputs."""
    signature, source = (
        load_signature(saved(folder / name, function, ([None, 4], tf.float32)), "serving_default")
        for name, function in (("a", compute), ("b", other))
    )
    path = folder / "tflite"
    path.write_bytes(convert(split(source).tail, read_config("")))
    found = verify(signature, split(signature), TFLiteModel(path), None, is_float=is_float)
    error = found.outputs["y"].relative_error
    assert error is not None
    return error


def _chaotic(x: tf.Tensor) -> tf.Tensor:
    return tf.sin(x * 3e4)


def test_amplified_rounding_does_not_count(tmp_path: pathlib.Path) -> None:
    # equal but for the order of the products
    def other(x: tf.Tensor) -> tf.Tensor:
        return tf.sin((x * 3) * 1e4)

    assert _relative_error(tmp_path, _chaotic, other, is_float=True) < 1e-3
    assert _relative_error(tmp_path / "quantized", _chaotic, other, is_float=False) > 1e-3


@pytest.mark.parametrize("factor", [1.01, 0.99])
def test_wrong_weight_counts(factor: float, tmp_path: pathlib.Path) -> None:
    def other(x: tf.Tensor) -> tf.Tensor:
        return tf.tanh(x * factor)

    assert _relative_error(tmp_path, tf.tanh, other, is_float=True) > 5e-3


def test_random_numbers_are_no_rounding(tmp_path: pathlib.Path) -> None:
    def drawn(x: tf.Tensor) -> tf.Tensor:
        return x + tf.random.normal([4])

    assert _relative_error(tmp_path, drawn, tf.identity, is_float=True) > 0.1


def test_rounding_is_measured_by_column(tmp_path: pathlib.Path) -> None:
    signature = load_signature(
        saved(tmp_path, lambda x: x * [1.0, 1e3, 0.0, 1.0], ([None, 4], tf.float32)),
        "serving_default",
    )
    found = rounding(split(signature), {"x0": np.ones([2, 4], np.float32)}, is_random=False)
    np.testing.assert_allclose(found["y"], [4e-6, 4e-3, 0, 4e-6], rtol=0.1)


def test_equal_outputs_do_not_differ_noticeably() -> None:
    y = np.float32([[1, 2], [3, np.nan]])
    assert not differs_noticeably({"y": y, "z": np.array(["a"])}, {"y": y, "z": np.array(["b"])})
