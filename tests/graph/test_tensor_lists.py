"""Recurrent layers with a fixed batch size."""

import keras
import pytest
import tensorflow as tf
import tf_keras
from contract import SELECT_TF_OPS, check_contract, convert_model
from models import EXAMPLES, example, save

from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.tflite.inspection import OpSet, inspect

_STEPS, _SIZE = 5, 3
_FEATURES = {"x": tf.io.FixedLenFeature([_STEPS, _SIZE], tf.float32)}


def _examples(count):
    values = tf.random.stateless_normal([count, _STEPS * _SIZE], seed=[1, 2]).numpy()
    return [example(x=row.tolist()) for row in values]


def _save_layers(folder, keras_version, *layers):
    keras_version.utils.set_random_seed(1)
    model = keras_version.Sequential([keras_version.Input([_STEPS, _SIZE]), *layers])

    def serve(examples):
        return {"y": model(tf.io.parse_example(examples, _FEATURES)["x"])}

    # to save the layers as well would trace each of them once more
    module = tf.Module()
    module.trained = model.weights
    return save(folder, serve, EXAMPLES, module=module)


@pytest.mark.parametrize("keras_version", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_layer_needs_only_builtin_ops(tmp_path, keras_version, layer):
    layers = keras_version.layers
    model = _save_layers(
        tmp_path / "model", keras_version, getattr(layers, layer)(4), layers.Dense(2)
    )
    conversion = check_contract(model, _examples(1), "batch_size: 1")
    assert inspect(conversion.path).op_set == OpSet.BUILTIN


@pytest.mark.slow
def test_stacked_masked_and_bidirectional_layers_agree(tmp_path):
    layers = keras.layers
    model = _save_layers(
        tmp_path / "model",
        keras,
        layers.Masking(),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.GRU(2),
    )
    check_contract(model, _examples(2), "batch_size: 2")


def test_dynamic_batch_agrees_with_select_tf_ops(tmp_path):
    model = _save_layers(tmp_path / "model", keras, keras.layers.LSTM(4))
    check_contract(model, _examples(3), SELECT_TF_OPS)


def test_dynamic_batch_without_select_tf_ops_names_the_layer_and_the_batch_size(tmp_path):
    model = _save_layers(tmp_path / "model", keras, keras.layers.LSTM(4, name="reader"))
    with pytest.raises(UnsupportedOpsError) as raised:
        convert_model(model)
    assert "TensorListReserve, available as a Select TF op, in 'sequential" in str(raised.value)
    assert "/reader" in str(raised.value)
    assert "batch_size: 1" in str(raised.value)
