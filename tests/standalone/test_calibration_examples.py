"""Which files calibration and comparison are sampled from, outside of a pipeline."""

import pathlib
from collections.abc import Iterable
from typing import Any

import pytest
import tensorflow as tf
from quantizable import example, save_model, weights
from workers import WorkerInProcess

from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.standalone.rewrite import rewrite_by

_INTEGER = "quantization { mode: FULL_INTEGER }"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    parsed = {"x": tf.io.FixedLenFeature([1], tf.float32)}
    dense = weights(1, 3)
    folder = tmp_path_factory.mktemp("model") / "model"
    return save_model(folder, parsed, lambda f: {"y": f["x"] @ dense}, dense)


def _write(path: pathlib.Path, values: Iterable[float]) -> str:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for value in values:
            writer.write(example(x=[float(value)]))
    return str(path)


def _rewrite(*arguments: Any, **named: Any) -> dict[str, Any]:
    return rewrite_by(WorkerInProcess(), *arguments, **named).to_json()


def test_one_set_of_examples_is_divided(model: pathlib.Path, tmp_path: pathlib.Path) -> None:
    examples = _write(tmp_path / "all", range(70))
    report = _rewrite(model, tmp_path / "out", _INTEGER, examples)
    assert report["calibration"]["num_examples"] == 50
    assert report["verification"]["num_examples"] == 20


def test_only_calibration_examples_are_used_for_calibration(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    examples = _write(tmp_path / "compared", range(20))
    calibration = _write(tmp_path / "calibrated", range(-5, 30))
    report = _rewrite(model, tmp_path / "out", _INTEGER, examples, calibration_examples=calibration)
    assert report["calibration"]["ranges"]["x"] == {"min": -5.0, "max": 29.0}
    assert report["calibration"]["num_examples"] == 35
    assert report["verification"]["num_examples"] == 20


def test_calibration_examples_of_a_mode_that_is_not_calibrated_are_refused(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    examples = _write(tmp_path / "some", range(3))
    with pytest.raises(ConfigError, match=r"no effect with quantization\.mode: NONE"):
        _rewrite(model, tmp_path / "out", None, examples, calibration_examples=examples)
