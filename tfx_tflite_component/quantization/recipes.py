"""Recipes: how a candidate is made from a float model. Each is one function."""

from collections.abc import Callable, Collection

from tfx_tflite_component.quantization.float_model import FloatModel
from tfx_tflite_component.quantization.weight_storage import Storage, store_weights
from tfx_tflite_component.tensorflow_internals import quantize_int16

ONE_SCALE = "WEIGHTS_ONLY, one scale per tensor"

Recipe = Callable[[FloatModel], bytes]


def unchanged(model: FloatModel) -> bytes:
    """32-bit float weights and activations."""
    return model.content


def float16(model: FloatModel) -> bytes:
    """16-bit float weights, except for those that do not fit."""
    return store_weights(model.content, Storage.FLOAT16)


def weights_only(model: FloatModel) -> bytes:
    """8-bit integer weights that are turned back into floats to compute."""
    return store_weights(model.content, Storage.INT8)


def one_scale(model: FloatModel) -> bytes:
    """The same, without a scale for each channel, which takes as much space as 12 weights."""
    return store_weights(model.content, Storage.INT8, per_channel=False)


def full_integer(model: FloatModel) -> bytes:
    """8-bit integer weights and activations."""
    return model.quantized()


def int16_activations(model: FloatModel) -> bytes:
    """8-bit integer weights and 16-bit integer activations."""
    content = model.for_16_bits() if model.for_16_bits else model.content
    return quantize_int16(content, model.feeds, model.per_channel)


def mixed(model: FloatModel, float_ops: Collection[str], storage: Storage) -> bytes:
    """8-bit integers, except for the ops with these first output tensors.

    The weights of these are stored in fewer bits as well.
    """
    return store_weights(model.quantized(float_ops), storage)


BY_NAME: dict[str, Recipe] = {
    "FLOAT16": float16,
    "WEIGHTS_ONLY": weights_only,
    ONE_SCALE: one_scale,
    "FULL_INTEGER": full_integer,
    "INT16_ACTIVATIONS": int16_activations,
}
