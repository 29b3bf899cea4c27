"""Code that calls the model: Python's is run, the others have each input and output."""

import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import rides
import tensorflow as tf
from models import save
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model
from tfx_tflite_component.tflite.interpreter import TFLiteModel

pytestmark = OF_NO_VERSION

_SNIPPETS = "snippets: [PYTHON, CPP, KOTLIN, SWIFT]"
_NAMES = ["m.snippet.cc", "m.snippet.kt", "m.snippet.py", "m.snippet.swift"]


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The rides model as `m.tflite`, with snippets."""
    folder = tmp_path_factory.mktemp("snippets")
    rides.save_rides(folder / "model")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        report = rewrite_saved_model(
            folder / "model", folder / "m.tflite", f"app {{ {_SNIPPETS} }}"
        )
    assert report["app_files"] == _NAMES
    return folder


def _run(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The outputs of the Python snippet."""
    names: dict[str, object] = {"__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), names)
    outputs = names["outputs"]
    assert isinstance(outputs, dict)
    return outputs


def test_python_returns_what_the_model_does(folder: pathlib.Path) -> None:
    model = TFLiteModel(folder / "m.tflite")
    zeros = {
        name: np.full(np.abs(d.shape), b"" if d.dtype is np.bytes_ else 0, d.dtype)
        for name, d in model.inputs.items()
    }
    expected = model({n: a.astype(object) if a.dtype.kind == "S" else a for n, a in zeros.items()})
    np.testing.assert_array_equal(_run(folder / "m.snippet.py")["tip"], expected["tip"])


@pytest.mark.process
def test_python_is_a_program(folder: pathlib.Path) -> None:
    done = subprocess.run(
        [sys.executable, folder / "m.snippet.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("tip [[")


@pytest.mark.parametrize("name", _NAMES)
def test_every_input_and_output_is_named(folder: pathlib.Path, name: str) -> None:
    text = (folder / name).read_text()
    model = TFLiteModel(folder / "m.tflite")
    for tensor in [*model.inputs, *model.outputs]:
        assert f'"{tensor}"' in text
    assert '"serving_default"' in text


def test_quantized_inputs_and_outputs_are_real_values(tmp_path: pathlib.Path) -> None:
    weights = tf.constant(tf.random.stateless_normal([4, 3], seed=[1, 2]))
    save(
        tmp_path / "model",
        lambda x: {"y": tf.nn.relu(x @ weights + 1.0)},
        tf.TensorSpec([1, 4], tf.float32, "x"),
    )
    records = tmp_path / "records"
    with tf.io.TFRecordWriter(str(records)) as writer:
        for row in np.random.default_rng(0).normal(size=[60, 4]).tolist():
            features = {"x": tf.train.Feature(float_list=tf.train.FloatList(value=row))}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    int8 = "mode: FULL_INTEGER input_type: INT8 output_type: INT8"
    config = f"quantization {{ {int8} }} app {{ {_SNIPPETS} }}"
    rewrite_saved_model(tmp_path / "model", tmp_path / "m.tflite", config, records)
    found = _run(tmp_path / "m.snippet.py")["y"]
    np.testing.assert_allclose(found, [[1.0, 1.0, 1.0]], atol=0.05)


def test_what_is_left_of_the_preprocessing_is_listed(tmp_path: pathlib.Path) -> None:
    rides.save_rides(tmp_path / "model")
    config = f"app {{ {_SNIPPETS} }} input_boundary: TRANSFORMED_FEATURES"
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "m.tflite", config)
    for name in _NAMES:
        lines = (tmp_path / name).read_text().splitlines()
        for computed in report["computed_inputs"]:
            assert any(re.match(rf'(#|//)   "{computed}": from "', line) for line in lines)


def test_names_of_a_model_are_quoted(tmp_path: pathlib.Path) -> None:
    def build(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'$y"\n*/import os': 2.0 * x}

    save(tmp_path / "model", build, tf.TensorSpec([None], tf.float32, "x"))
    rewrite_saved_model(tmp_path / "model", tmp_path / "m.tflite", f"app {{ {_SNIPPETS} }}")
    for name in _NAMES:
        assert not re.search(r"^\*/import os", (tmp_path / name).read_text(), re.MULTILINE)
    assert r'"\$y\"\n*/import os"' in (tmp_path / "m.snippet.kt").read_text()
