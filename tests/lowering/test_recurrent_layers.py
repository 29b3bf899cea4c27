"""That recurrent layers of both generations of Keras convert with an open batch dimension."""

import pathlib
from typing import Any

import keras
import pytest
import tf_keras
from quantizable import rewritten

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
    generation.Sequential([generation.Input([5, 2]), _LAYERS[layer](layers)]).export(
        str(tmp_path / "model")
    )
    report = rewritten(tmp_path / "model", tmp_path / "out", {}).report
    assert report.model.op_set == "BUILTIN"
    assert report.lowered["loops"]
