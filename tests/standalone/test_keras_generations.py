"""Both generations of Keras: Keras 3, and tf_keras, which `tf.keras` is on request."""

import pathlib

import keras
import pytest
import tensorflow as tf
import tf_keras
from models import EXAMPLES, example, save
from quantizable import rewritten

from tfx_tflite_component.verification.limits import FLOAT_TOLERANCE

pytestmark = pytest.mark.slow

_FEATURES = {"x": tf.io.FixedLenFeature([4], tf.float32)}


@pytest.fixture(scope="module", params=[tf_keras, keras], ids=["tf_keras", "keras"])
def models(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The folder of a model that one generation saves, in the two ways that Trainers do."""
    folder, generation = tmp_path_factory.mktemp("models"), request.param
    # before the layers are made, whose weights are random
    generation.utils.set_random_seed(1)
    layers, x = generation.layers, generation.Input([4], name="x")
    hidden = layers.BatchNormalization()(layers.Dense(8, activation="relu")(x))
    model = generation.Model(x, layers.Dense(2)(hidden))

    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": model(tf.io.parse_example(examples, _FEATURES)["x"])}

    save(folder / "saved", serve, EXAMPLES, module=model)
    model.export(str(folder / "exported"))
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
