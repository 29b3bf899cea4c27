"""What is said of examples without the features that a signature needs."""

import pathlib

import pytest
import tensorflow as tf
from models import example, save, save_parsing
from quantizable import rewritten

from tfx_tflite_component.errors import ExamplesError

_PIXELS = tf.TensorSpec([None, 2], tf.float32, "pixels_xf")


def _refusal(source: pathlib.Path, folder: pathlib.Path, examples: list[bytes]) -> str:
    with pytest.raises(ExamplesError) as raised:
        rewritten(source, folder, {}, verification=examples)
    return str(raised.value)


def test_features_of_other_names_are_named_beside_those_that_are_needed(
    tmp_path: pathlib.Path,
) -> None:
    source = save(tmp_path / "model", lambda pixels_xf: {"y": pixels_xf * 2}, _PIXELS)
    message = _refusal(source, tmp_path / "out", [example(pixels=[1.0, 2.0])])
    assert "takes 'pixels_xf', and the examples hold 'pixels'" in message
    assert "signature_key" in message


def test_features_that_single_examples_lack_are_counted(tmp_path: pathlib.Path) -> None:
    parsed = {"x": tf.io.FixedLenFeature([1], tf.float32)}
    source = save_parsing(tmp_path / "model", parsed, lambda features: {"y": features["x"] * 2})
    examples = [example(x=[1.0]), example(other=[1.0]), example(x=[2.0]), example(x=[])]
    message = _refusal(source, tmp_path / "out", examples)
    assert "'x' in 2 of 4" in message
    assert "default_value" in message
