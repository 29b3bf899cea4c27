"""Splitting and lowering: that ten times the graph is about ten times the work."""

import pathlib
import sys
import types
from collections.abc import Callable

import pytest
import tensorflow as tf
from lowerings import split_lowered
from models import save, save_parsing

import tfx_tflite_component
from tfx_tflite_component.graph.saved_model import load_signature

_PACKAGE = str(pathlib.Path(tfx_tflite_component.__file__).parent)
_SERVING = "serving_default"
# ten times the graph may take at most twelve times the work
_FACTOR, _MOST = 10, 12

Make = Callable[[pathlib.Path, int], pathlib.Path]


def _chain(folder: pathlib.Path, count: int) -> pathlib.Path:
    def add(x: tf.Tensor) -> dict[str, tf.Tensor]:
        for number in range(count):
            x = tf.nn.relu(x + float(number))
        return {"y": x}

    return save(folder, add, tf.TensorSpec([None, 3], tf.float32, "x"))


def _features(folder: pathlib.Path, count: int) -> pathlib.Path:
    features = {f"feature{n}": tf.io.FixedLenFeature([1], tf.float32) for n in range(count)}
    return save_parsing(
        folder, features, lambda parsed: {"y": tf.concat([parsed[name] for name in features], 1)}
    )


def _softplus(folder: pathlib.Path, count: int) -> pathlib.Path:
    """Ops that a pass replaces."""

    def compute(x: tf.Tensor) -> dict[str, tf.Tensor]:
        for number in range(count):
            x = tf.math.softplus(x) - float(number)
        return {"y": x}

    return save(folder, compute, tf.TensorSpec([None, 3], tf.float32, "x"))


def _calls(source: pathlib.Path) -> int:
    """How often splitting and lowering call a function of this package or resume one."""
    signature = load_signature(source, _SERVING)
    calls = 0

    def count(frame: types.FrameType, event: str, argument: object) -> None:
        nonlocal calls
        if event == "call" and frame.f_code.co_filename.startswith(_PACKAGE):
            calls += 1

    sys.setprofile(count)
    try:
        split_lowered(signature)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("make", [_chain, _features, _softplus])
def test_work_grows_with_the_graph(make: Make, tmp_path: pathlib.Path) -> None:
    few = _calls(make(tmp_path / "few", 10))
    many = _calls(make(tmp_path / "many", 10 * _FACTOR))
    assert few > 100
    assert many <= _MOST * few
