"""Weights stored in fewer bits, which the model turns back into floats when it is loaded.

The converter's own FLOAT16 mode clips constants to 65504, and makes small ones 0. Here, a tensor
that would lose more than rounding stays float32, and 8 bits are possible as well.
"""

import enum
from collections.abc import Iterator, Sequence

import numpy as np

from tfx_tflite_component.tflite.model_edit import (
    add_tensor,
    float_constant,
    make_op,
    op_name,
    pack,
    set_constant,
    unpack,
)
from tfx_tflite_component.tflite.schema import schema

# The position of the weights among the inputs, and the axis of their output channels.
_WEIGHTS: dict[str, tuple[int, int | None]] = {
    "CONV_2D": (1, 0),
    "DEPTHWISE_CONV_2D": (1, 3),
    "FULLY_CONNECTED": (1, 0),
    "TRANSPOSE_CONV": (1, 0),
    "BATCH_MATMUL": (1, None),
    "GATHER": (0, None),
}
_FACTORS = ("ATAN2", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MUL", "POW", "PRELU", "SQUARED_DIFFERENCE")
"""Ops to which each value of a constant matters by its own magnitude."""

_STATE = "ASSIGN_VARIABLE"
"""Ops that initialize a variable, which must start from the same value."""

_DEQUANTIZE_BYTES = 300
"""About the size of one more tensor and op in the file."""

_SCALE_BYTES = 12
"""A scale of 32 bits and a zero point of 64 for each channel."""

_HALF_PRECISION = 2.0**-10


class Storage(enum.Enum):
    """How weights are stored."""

    FLOAT16 = "FLOAT16"
    INT8 = "INT8"


def store_weights(content: bytes, storage: Storage, per_channel: bool = True) -> bytes:
    """Stores the float constants of a model in fewer bits, where that saves space.

    Args:
        content: The content of a `.tflite` file; ops without float constants stay as they are.
        storage: How: INT8 stores only weights, FLOAT16 all constants of all graphs.
        per_channel: Whether INT8 has a scale for each channel.

    Returns:
        The content of the smaller file.
    """
    model = unpack(content)
    for graph in model.subgraphs if storage is Storage.FLOAT16 else model.subgraphs[:1]:
        is_int8 = storage is Storage.INT8
        graph.operators[:0] = list(
            _as_int8(model, graph, per_channel) if is_int8 else _as_float16(model, graph)
        )
    return pack(model)


def _as_int8(
    model: schema.ModelT, graph: schema.SubGraphT, per_channel: bool
) -> Iterator[schema.OperatorT]:
    for tensor, axis in dict(_weights(model, graph)).items():
        values = float_constant(model, graph.tensors[tensor])
        if values is not None and _saves_as_int8(values, axis):
            yield _store_int8(model, graph, tensor, values, axis if per_channel else None)


def _as_float16(model: schema.ModelT, graph: schema.SubGraphT) -> Iterator[schema.OperatorT]:
    for tensor, ops in _readers(graph).items():
        values = float_constant(model, graph.tensors[tensor])
        if values is None or values.size * 2 < _DEQUANTIZE_BYTES:
            continue
        axes = [axis for read, axis in _weights(model, graph) if read == tensor]
        names = [op_name(model, op) for op in ops]
        if _STATE not in names and all(
            _fits_float16(values, least) for least in _magnitudes(values, axes, names)
        ):
            yield _store_float16(model, graph, tensor, values)


def _weights(model: schema.ModelT, graph: schema.SubGraphT) -> Iterator[tuple[int, int | None]]:
    """The weights of a graph: the tensor, and the axis of the channels."""
    for op in graph.operators:
        position, axis = _WEIGHTS.get(op_name(model, op), (0, None))
        if op_name(model, op) in _WEIGHTS:
            yield int(op.inputs[position]), axis


def _readers(graph: schema.SubGraphT) -> dict[int, list[schema.OperatorT]]:
    """The ops that read each tensor."""
    found: dict[int, list[schema.OperatorT]] = {}
    for op in graph.operators:
        for tensor in op.inputs:
            found.setdefault(int(tensor), []).append(op)
    return found


def _magnitudes(
    values: np.ndarray, axes: Sequence[int | None], names: Sequence[str]
) -> Iterator[np.ndarray]:
    """The magnitudes that the error of each value is relative to, for each use of a constant."""
    yield from (_largest(values, axis) for axis in axes)
    if "GATHER" in names:
        yield _largest(values, 0)
    if any(name in _FACTORS for name in names):
        yield np.abs(values)
    yield _largest(values, None)


def _fits_float16(values: np.ndarray, magnitudes: np.ndarray) -> bool:
    """Whether no value loses more than the rounding of a magnitude."""
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.abs(values.astype(np.float16).astype(np.float32) - values)
    return bool((errors <= magnitudes * _HALF_PRECISION).all())


def _saves_as_int8(values: np.ndarray, axis: int | None) -> bool:
    channels = values.shape[axis] if axis is not None else 1
    saved = values.size * 3 - channels * _SCALE_BYTES
    return saved > _DEQUANTIZE_BYTES and bool(np.isfinite(values).all())


def _largest(values: np.ndarray, axis: int | None) -> np.ndarray:
    """The largest magnitude of each channel, or of all, in a shape that broadcasts."""
    others = None if axis is None else tuple(i for i in range(values.ndim) if i != axis)
    return np.abs(values).max(axis=others, keepdims=True)


def _store_float16(
    model: schema.ModelT, graph: schema.SubGraphT, tensor: int, values: np.ndarray
) -> schema.OperatorT:
    stored = _stored(model, graph, tensor, values.astype(np.float16), schema.TensorType.FLOAT16)
    return make_op(model, "DEQUANTIZE", 3, [stored], tensor)


def _store_int8(
    model: schema.ModelT,
    graph: schema.SubGraphT,
    tensor: int,
    values: np.ndarray,
    axis: int | None,
) -> schema.OperatorT:
    """Symmetric, as https://ai.google.dev/edge/litert/models/quantization_spec has weights."""
    scales = np.maximum(_largest(values, axis) / 127, np.finfo(np.float32).tiny)
    rounded = np.clip(np.rint(values / scales), -127, 127).astype(np.int8)
    stored = _stored(model, graph, tensor, rounded, schema.TensorType.INT8)
    parameters = schema.QuantizationParametersT()
    parameters.scale = scales.ravel().astype(np.float32)
    parameters.zeroPoint = np.zeros(scales.size, np.int64)
    parameters.quantizedDimension = axis or 0
    graph.tensors[stored].quantization = parameters
    # version 5 is the first that supports a scale for each channel
    return make_op(model, "DEQUANTIZE", 2 if axis is None else 5, [stored], tensor)


def _stored(
    model: schema.ModelT, graph: schema.SubGraphT, tensor: int, values: np.ndarray, dtype: int
) -> int:
    """Moves a constant into a new tensor; the old tensor becomes the result of an op."""
    original = graph.tensors[tensor]
    stored = add_tensor(graph, original, f"{original.name.decode()}/stored")
    graph.tensors[stored].type = dtype
    set_constant(model, graph.tensors[stored], values)
    # other readers of this buffer keep it
    original.buffer = 0
    return stored
