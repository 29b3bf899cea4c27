"""Loading a signature out of a SavedModel."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import save

from tfx_tflite_component.errors import SourceModelError, SplitError
from tfx_tflite_component.graph.saved_model import load_signature

_X = tf.TensorSpec([None], tf.float32, "x")


@pytest.fixture
def module():
    module = tf.Module()
    module.factor = tf.Variable(3.0)
    return module


@pytest.fixture
def model(tmp_path, module):
    return save(tmp_path / "model", lambda x: {"y": x * module.factor}, _X, module=module)


def test_signature_outlives_its_saved_model(model):
    signature = load_signature(model, "serving_default")
    gc.collect()
    assert signature(x=tf.constant([2.0]))["y"].numpy().tolist() == [6.0]


def test_variables_that_keras_saves_twice_have_their_values(tmp_path):
    network = keras.Sequential([keras.Input([3]), keras.layers.Dense(2)])
    spec = tf.TensorSpec([None, 3], tf.float32, "x")
    saved = save(tmp_path / "model", lambda x: {"y": network(x)}, spec, module=network)
    found = load_signature(saved, "serving_default")(x=tf.eye(3))["y"].numpy()
    np.testing.assert_allclose(found, network.weights[0].numpy(), atol=1e-6)


@pytest.mark.parametrize("content", [None, [], ["notes.txt"]], ids=["missing", "empty", "other"])
def test_folder_without_a_saved_model_is_refused(tmp_path, content):
    folder = tmp_path / "model"
    if content is not None:
        folder.mkdir()
        for name in content:
            (folder / name).touch()
    found = "'notes.txt'" if content else "nothing"
    with pytest.raises(SourceModelError, match=f"no SavedModel in .*found {found}"):
        load_signature(folder, "serving_default")


@pytest.mark.parametrize("damaged", ["saved_model.pb", "variables/variables.index"])
def test_damaged_saved_model_is_refused_with_its_cause(model, damaged):
    (model / damaged).write_bytes(b"\x0a\x05nonsense")
    with pytest.raises(SourceModelError, match="cannot be read") as raised:
        load_signature(model, "serving_default")
    assert raised.value.__cause__ is not None


def test_unknown_signature_is_refused_and_the_others_are_named(tmp_path, module):
    functions = {
        name: tf.function(lambda x: {"y": x * module.factor}, input_signature=[_X])
        for name in ("predict", "transform_features")
    }
    tf.saved_model.save(module, str(tmp_path), signatures=functions)
    with pytest.raises(
        SourceModelError, match="no signature 'serving'; it has 'predict', 'transform_features'"
    ):
        load_signature(tmp_path, "serving")


def test_saved_model_without_any_signature_is_refused(tmp_path, module):
    tf.saved_model.save(module, str(tmp_path))
    with pytest.raises(SourceModelError, match="it has none at all"):
        load_signature(tmp_path, "serving_default")


def test_signature_without_inputs_is_refused(tmp_path):
    model = save(tmp_path / "model", lambda: {"y": tf.constant(1.0)})
    with pytest.raises(SplitError, match="'serving_default' takes no inputs"):
        load_signature(model, "serving_default")
