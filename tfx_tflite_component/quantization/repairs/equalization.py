"""Cross-layer equalization: gives the channels between two layers similar ranges.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019
(https://arxiv.org/abs/1906.04721), section 4.1: with ReLU or no activation between two layers, a
channel can be divided by s in the first and multiplied by s in the second. Here s makes a channel's
activations, as observed, as large as the weights that read it; with a scale for each channel, the
weights of the first layer need no balance.
"""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from tfx_tflite_component.tflite.model_edit import (
    float_constant,
    op_name,
    pack,
    readers,
    set_constant,
    tensor_name,
    unpack,
)
from tfx_tflite_component.tflite.observation import Observation
from tfx_tflite_component.tflite.schema import schema

# The axes of the output and of the input channels in the weights of a layer.
_OUTPUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
_INPUT_AXIS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 1}
_KEEPS_CHANNELS = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "RELU", "RESHAPE", "MEAN")
_ACTIVATIONS = (schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU)
_SMALLEST = 1e-6
"""The share of the largest channel below which a channel counts as zero and keeps its scale."""


@dataclasses.dataclass(frozen=True)
class _Pair:
    """Two layers; a channel's scale passes through everything between them."""

    first: schema.OperatorT
    second: schema.OperatorT


def equalize(content: bytes, observed: Mapping[str, Observation]) -> bytes | None:
    """Equalizes the channels between layers.

    Args:
        content: The content of a float `.tflite` file.
        observed: What values its tensors take, as `observe` returns them.

    Returns:
        The content of the equalized file; None if there is no pair of layers.
    """
    model = unpack(content)
    # a layer that is second in one pair is first in the next, whose activations stay as observed
    changed = [_equalize(model, pair, observed) for pair in list(_pairs(model))]
    return pack(model) if any(changed) else None


def _pairs(model: schema.ModelT) -> Iterator[_Pair]:
    for op in model.subgraphs[0].operators:
        if op_name(model, op) not in _OUTPUT_AXIS or not _scales(op):
            continue
        second = _next_layer(model, int(op.outputs[0]))
        if second is not None and _has_own_weights(model, op) and _has_own_weights(model, second):
            yield _Pair(op, second)


def _scales(op: schema.OperatorT) -> bool:
    """Whether what an op is multiplied by comes through its activation."""
    return getattr(op.builtinOptions, "fusedActivationFunction", 0) in _ACTIVATIONS


def _next_layer(model: schema.ModelT, tensor: int) -> schema.OperatorT | None:
    graph = model.subgraphs[0]
    while True:
        reading = readers(graph, tensor)
        if len(reading) != 1 or tensor in graph.outputs or reading[0].inputs[0] != tensor:
            return None
        (op,) = reading
        if op_name(model, op) in _INPUT_AXIS:
            return op
        if op_name(model, op) not in _KEEPS_CHANNELS or not _scales(op):
            return None
        tensor = int(op.outputs[0])


def _has_own_weights(model: schema.ModelT, op: schema.OperatorT) -> bool:
    graph = model.subgraphs[0]
    constants = [int(i) for i in op.inputs[1:] if i >= 0]
    return all(
        float_constant(model, graph.tensors[i]) is not None and len(readers(graph, i)) == 1
        for i in constants
    )


def _equalize(model: schema.ModelT, pair: _Pair, observed: Mapping[str, Observation]) -> bool:
    graph = model.subgraphs[0]
    output = graph.tensors[int(pair.first.outputs[0])]
    observation = observed.get(tensor_name(output))
    read = _by_input_channel(model, pair.second)
    if observation is None or read is None or read.shape[0] % len(observation.channels):
        return False
    # a flattened image has each channel many times
    repeated = read.shape[0] // len(observation.channels)
    weights = np.abs(read).max(axis=1).reshape(repeated, -1).max(axis=0)
    factors = _factors(observation.channels, weights)
    _multiply(model, pair.first, 1 / factors, _OUTPUT_AXIS[op_name(model, pair.first)])
    _multiply_bias(model, pair.first, 1 / factors)
    _multiply(model, pair.second, np.tile(factors, repeated), _input_axis(model, pair.second))
    return True


def _factors(activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The divisor of each channel that makes its activations as large as its weights.

    A channel that is never active, or never read, is made no larger than a typical one: otherwise
    it would take up the whole range of its tensor.
    """
    used = (activations > activations.max(initial=0) * _SMALLEST) & (
        weights > weights.max(initial=0) * _SMALLEST
    )
    if not used.any():
        return np.ones_like(activations, np.float32)
    typical = np.exp(np.log(activations[used] * weights[used]).mean() / 2)
    factors = np.ones(len(activations))
    factors[used] = np.sqrt(activations[used] / weights[used])
    inactive = ~used & (weights > 0)
    factors[inactive] = typical / weights[inactive]
    return factors.astype(np.float32)


def _by_input_channel(model: schema.ModelT, op: schema.OperatorT) -> np.ndarray | None:
    weights = float_constant(model, model.subgraphs[0].tensors[int(op.inputs[1])])
    if weights is None or (op_name(model, op) == "DEPTHWISE_CONV_2D" and not _is_plain(op)):
        return None
    axis = _input_axis(model, op)
    return np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)


def _is_plain(op: schema.OperatorT) -> bool:
    """Whether a depthwise convolution writes as many channels as it reads."""
    return op.builtinOptions.depthMultiplier == 1


def _input_axis(model: schema.ModelT, op: schema.OperatorT) -> int:
    return _INPUT_AXIS[op_name(model, op)]


def _multiply(model: schema.ModelT, op: schema.OperatorT, factors: np.ndarray, axis: int) -> None:
    tensor = model.subgraphs[0].tensors[int(op.inputs[1])]
    weights = float_constant(model, tensor)
    assert weights is not None  # of `_has_own_weights`
    shape = [1] * weights.ndim
    shape[axis] = len(factors)
    set_constant(model, tensor, weights * factors.reshape(shape))


def _multiply_bias(model: schema.ModelT, op: schema.OperatorT, factors: np.ndarray) -> None:
    for index in op.inputs[2:]:
        if index < 0:
            continue
        tensor = model.subgraphs[0].tensors[int(index)]
        bias = float_constant(model, tensor)
        assert bias is not None  # of `_has_own_weights`
        set_constant(model, tensor, bias * factors)
