"""That recurrent layers of both generations of Keras convert with an open batch dimension."""

import pathlib
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from models import save_call
from quantizable import rewritten

from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.tflite.interpreter import TFLiteModel

_BATCH_SHAPE = {keras: "batch_shape", tf_keras: "batch_input_shape"}
_LAYERS = {
    "LSTM": lambda layers: layers.LSTM(4),
    "GRU": lambda layers: layers.GRU(4, return_sequences=True),
    "SimpleRNN": lambda layers: layers.SimpleRNN(4),
    "Bidirectional": lambda layers: layers.Bidirectional(layers.LSTM(3)),
    "two layers": lambda layers: layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)]),
    "backwards": lambda layers: layers.LSTM(4, go_backwards=True, return_sequences=True),
}


@pytest.mark.parametrize("generation", [keras, tf_keras], ids=["keras 3", "tf_keras"])
@pytest.mark.parametrize("layer", _LAYERS)
def test_open_batch_needs_builtin_ops_only(
    generation: Any, layer: str, tmp_path: pathlib.Path
) -> None:
    layers = generation.layers
    model = generation.Sequential([generation.Input([5, 2]), _LAYERS[layer](layers)])
    save_call(tmp_path / "model", model, tf.TensorSpec([None, 5, 2], tf.float32, "x"))
    report = rewritten(tmp_path / "model", tmp_path / "out", {}).report
    assert report.model.op_set == "BUILTIN"
    assert report.lowered["loops"]


@pytest.mark.slow
@pytest.mark.all_rows
@pytest.mark.parametrize("generation", [keras, tf_keras], ids=["keras 3", "tf_keras"])
@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
def test_stateful_layer_matches_over_ten_calls(
    generation: Any, layer: str, tmp_path: pathlib.Path
) -> None:
    entry = generation.layers.InputLayer(**{_BATCH_SHAPE[generation]: (1, 5, 2)})
    model = generation.Sequential([entry, getattr(generation.layers, layer)(4, stateful=True)])
    save_call(tmp_path / "model", model, tf.TensorSpec([1, 5, 2], tf.float32, "x"))
    result = rewritten(tmp_path / "model", tmp_path / "out", {})
    signature = load_signature(tmp_path / "model", "serving_default")
    published, random = TFLiteModel(result.path), np.random.default_rng(0)
    for _ in range(10):
        x = random.normal(size=[1, 5, 2]).astype(np.float32)
        expected = signature(x=tf.constant(x))["y"]
        np.testing.assert_allclose(published({"x": x})["y"], expected, atol=1e-6)
