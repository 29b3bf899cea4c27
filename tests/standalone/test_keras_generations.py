"""Both generations of Keras: what `tf.keras` is in a process depends on TF_USE_LEGACY_KERAS."""

import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf
from models import example
from quantizable import rewritten

from tfx_tflite_component.verification.limits import FLOAT_TOLERANCE

pytestmark = pytest.mark.process

_SCRIPT = pathlib.Path(__file__).parents[1] / "support" / "keras_models.py"


@pytest.fixture(scope="module", params=["tf_keras", "keras"])
def models(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The folder of the models that one generation saves."""
    folder = tmp_path_factory.mktemp("models")
    process = subprocess.run(
        [sys.executable, _SCRIPT, folder],
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1" if request.param == "tf_keras" else "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert process.stdout.split()[-1] == request.param
    return folder


@pytest.mark.all_rows
@pytest.mark.parametrize("quantization", [{}, {"mode": "FULL_INTEGER"}], ids=["float", "integer"])
@pytest.mark.parametrize("kind", ["saved", "exported"])
def test_keras_model_is_converted_and_verified(
    kind: str, quantization: dict[str, str], models: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    rows = tf.random.stateless_normal([50, 4], seed=[1, 2]).numpy().tolist()
    (name,) = _inputs(models / kind)
    examples = [example(**{name: row}) for row in rows]
    report = rewritten(
        models / kind, tmp_path / "out", {"quantization": quantization}, examples, examples
    ).report
    assert report.model.op_set == "BUILTIN"
    assert report.boundary == {"saved": "RAW_FEATURES", "exported": "SIGNATURE"}[kind]
    (output,) = report.verification.outputs.values()
    assert output.magnitude > 0.1
    if quantization:
        assert output.sqnr_db > 20
    else:
        assert output.max_abs_error < FLOAT_TOLERANCE


def _inputs(saved_model: pathlib.Path) -> list[str]:
    """The features that the model takes: what it parses, or else the tensors of its signature."""
    signature = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    names = list(signature.structured_input_signature[1])
    return ["x"] if names == ["examples"] else names
