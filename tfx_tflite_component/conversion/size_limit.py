"""Refuses a model that is larger than a FlatBuffer can be, before it is converted."""

import dataclasses
import heapq
from collections.abc import Iterable, Iterator

import tensorflow as tf

from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.graph.flat_graph import without_calls
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization
from tfx_tflite_component.split.tail import Tail

LIMIT_BYTES = 2**31 - 1
"""The maximum size of a FlatBuffer: FLATBUFFERS_MAX_BUFFER_SIZE in flatbuffers/base.h.

For larger models, the converter writes the weights after the FlatBuffer, where `rename` would
append names."""

_FLOAT_BYTES = {Quantization.FLOAT16: 2, Quantization.DYNAMIC_RANGE: 1}
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Constant:
    """A variable or constant of a tail, which becomes a constant of the model.

    Attributes:
        name: Its name in TensorFlow.
        scope: The layer or scope that reads it.
        dtype: Its dtype.
        shape: Its shape.
    """

    name: str
    scope: str
    dtype: tf.DType
    shape: tf.TensorShape

    def size_bytes(self, mode: Quantization.Mode) -> int:
        """Its minimum size in a file with a mode; strings count as empty."""
        is_quantized = self.dtype == tf.float32 and mode in _FLOAT_BYTES
        width = _FLOAT_BYTES[mode] if is_quantized else self.dtype.size
        return width * (self.shape.num_elements() or 0) if self.dtype != tf.string else 0

    def __str__(self) -> str:
        where = f" in {self.scope!r}" if self.scope else ""
        return f"{self.name!r}{where}, {self.dtype.name} {self.shape.as_list()}"


def is_too_large(tail: Tail, mode: Quantization.Mode) -> bool:
    """Whether the variables and constants of a tail are larger than a file can be.

    Args:
        tail: The tail.
        mode: The mode of quantization.
    """
    return _size(constants_of(tail), mode) > LIMIT_BYTES


def check_size(tail: Tail, mode: Quantization.Mode) -> None:
    """Refuses a tail whose variables and constants are larger than a file can be.

    Only shapes and dtypes are used. Modes that calibrate first create a float model.

    Args:
        tail: The tail.
        mode: The mode of quantization.

    Raises:
        ConversionError: It is too large; the message names the largest constants, and modes that
            would fit.
    """
    least = _size(list(constants_of(tail)), mode)
    if least > LIMIT_BYTES:
        raise too_large(tail, mode, least)


def too_large(tail: Tail, mode: Quantization.Mode, size_bytes: int) -> ConversionError:
    """The error that says why a model is so large, and what to do.

    Args:
        tail: The tail of the model.
        mode: The mode of quantization.
        size_bytes: The size of the model.
    """
    constants = list(constants_of(tail))
    largest = heapq.nlargest(_NAMED, constants, key=lambda found: found.size_bytes(mode))
    is_float_first = mode not in (Quantization.NONE, *_FLOAT_BYTES)
    lines = [
        f"The model is too large: for quantization.mode {Quantization.Mode.Name(mode)} the "
        f"converter writes {size_bytes:,} bytes{' first' * is_float_first}, and a FlatBuffer holds "
        f"{LIMIT_BYTES:,}. Weights outside the FlatBuffer are not supported. The largest:"
    ]
    lines += [f"  {found}: {found.size_bytes(mode):,} bytes" for found in largest]
    lines.append("What you can do:")
    lines += [
        f"  - set quantization {{ mode: {Quantization.Mode.Name(other)} }}, with which the weights "
        f"take {_size(constants, other):,} bytes at least."
        for other in _FLOAT_BYTES
        if other != mode and _size(constants, other) <= LIMIT_BYTES
    ]
    lines += [
        "  - make the model smaller: a shorter vocabulary or hashed words for an embedding, fewer "
        "units for a layer.",
        "  - serve the SavedModel itself, without this step.",
    ]
    return ConversionError("\n".join(lines))


def _size(constants: Iterable[Constant], mode: Quantization.Mode) -> int:
    return sum(constant.size_bytes(mode) for constant in constants)


def constants_of(tail: Tail) -> Iterator[Constant]:
    """The variables and constants of a tail, except those inside control flow.

    Args:
        tail: The tail.
    """
    graph = tail.function.graph
    variables = {id(variable.handle): variable for variable in tail.resources.variables_read}
    for outer, inner in graph.captures:
        variable = variables.get(id(outer))
        scope = next((_scope(reader) for reader in inner.consumers()), "")
        if variable is not None:
            name = variable.name.removesuffix(":0")
            yield Constant(name, scope, variable.dtype, variable.shape)
        elif outer.dtype not in (tf.resource, tf.variant):
            yield Constant(inner.op.name, scope, outer.dtype, outer.shape)
    for op in graph.get_operations():
        if op.type == "Const":
            (output,) = op.outputs
            yield Constant(without_calls(op.name), _scope(op), output.dtype, output.shape)


def _scope(op: tf.Operation) -> str:
    return without_calls(op.name).rpartition("/")[0]
