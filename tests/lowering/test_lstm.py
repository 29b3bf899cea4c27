"""That an LSTM in integers becomes one op, which starts anew at each call."""

import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from models import save_call
from quantizable import Rewritten, example, rewritten
from searchable import normal

from tfx_tflite_component.tflite.interpreter import TFLiteModel

_STEPS, _FEATURES = 6, 3
_OP = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_INTEGERS = {"quantization": {"mode": "FULL_INTEGER"}}
_generations = pytest.mark.parametrize("generation", [keras, tf_keras], ids=["keras 3", "tf_keras"])
_LAYERS = {
    "two layers": lambda layers: [layers.LSTM(6, return_sequences=True), layers.LSTM(5)],
    "bidirectional": lambda layers: [
        layers.Bidirectional(layers.LSTM(4, use_bias=False, return_sequences=True))
    ],
}


def _converted(
    folder: pathlib.Path,
    generation: Any,
    layers: list[Any],
    config: Mapping[str, Any] = _INTEGERS,
    rows: np.ndarray | None = None,
) -> Rewritten:
    generation.utils.set_random_seed(0)
    rows = normal(150, _STEPS, _FEATURES) if rows is None else rows
    model = generation.Sequential([generation.Input(rows.shape[1:]), *layers])
    save_call(folder / "model", model, tf.TensorSpec([1, *rows.shape[1:]], tf.float32, "x"))
    examples = [example(x=row) for row in rows]
    return rewritten(folder / "model", folder / "out", config, examples[:120], examples[120:])


def _ops(result: Rewritten) -> list[str]:
    return [op.name for op in result.report.model.ops]


@_generations
@pytest.mark.parametrize("layers", _LAYERS)
def test_each_layer_is_one_op_that_starts_anew(
    generation: Any, layers: str, tmp_path: pathlib.Path
) -> None:
    result = _converted(tmp_path, generation, _LAYERS[layers](generation.layers))
    assert _ops(result).count(_OP) == 2
    assert len(result.report.lowered["lstm"]) == 2
    assert result.report.verification.outputs["y"].sqnr_db > 28
    model, (first, second) = TFLiteModel(result.path), normal(2, 1, _STEPS, _FEATURES, seed=1)
    expected = model({"x": first})["y"]
    model({"x": second})
    np.testing.assert_array_equal(model({"x": first})["y"], expected)


def test_cell_state_may_exceed_ten(tmp_path: pathlib.Path) -> None:
    # counts the steps with 1 up and those with -1 down; the output shows whether more are up
    kernel, bias = np.full([1, 4, 2], 0.1), np.repeat([9.0, 9.0, 0.0, 9.0], 2)
    kernel[0, 2] = 9
    layer = keras.layers.LSTM(2)
    layer.build([None, 28, 1])
    layer.set_weights([kernel.reshape(1, 8), np.full([2, 8], 0.01), bias])
    ups = np.random.default_rng(0).integers(10, 19, 150)
    rows = np.where(np.arange(28) < ups[:, np.newaxis], 1.0, -1.0)[..., np.newaxis]
    result = _converted(tmp_path, keras, [layer], rows=rows.astype(np.float32))
    assert _OP in _ops(result)
    assert result.report.verification.outputs["y"].sqnr_db > 25


def test_layer_with_another_activation_is_unrolled(tmp_path: pathlib.Path) -> None:
    result = _converted(tmp_path, keras, [keras.layers.LSTM(3, activation="relu")])
    assert _OP not in _ops(result)
    assert "loops" in result.report.lowered


def test_auto_compares_one_op_in_8_bits_with_an_unrolled_layer_in_16(
    tmp_path: pathlib.Path,
) -> None:
    config = {
        "quantization": {"mode": "AUTO", "auto": {"integer_only": True}},
        "verification": {"min_sqnr_db": 20.0},
    }
    result = _converted(tmp_path, keras, [keras.layers.LSTM(6)], config)
    assert _ops(result).count(_OP) == 1
    search = result.report.search
    assert search.chosen == "FULL_INTEGER"
    tried = {trial.name: trial.sqnr_db for trial in search.trials}
    assert min(tried["FULL_INTEGER"], tried["INT16_ACTIVATIONS"]) > 25
