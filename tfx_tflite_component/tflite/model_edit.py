"""A `.tflite` file as an object that can be edited, and back.

The format is that of tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from collections.abc import Iterator, Sequence

import flatbuffers
import numpy as np

from tfx_tflite_component.tflite.schema import schema
from tfx_tflite_component.tflite.signatures import name_of

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16
NO_BUFFER = 0
"""Buffer 0 is empty by convention: the tensors that refer to it are not constants."""


class _AlignedBuffer(schema.BufferT):
    """A buffer whose data is aligned as the schema asks for, which Python's `Pack` leaves out."""

    def Pack(self, builder: flatbuffers.Builder) -> int:
        if self.data is not None:
            builder.Prep(_ALIGNMENT, len(self.data))
        return super().Pack(builder)


class _SharingBuilder(flatbuffers.Builder):
    """Writes equal arrays of numbers once: scales per channel can take as many bytes as weights."""

    def __init__(self) -> None:
        super().__init__(1024)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        # the data of buffers has an alignment of its own
        if x.dtype == np.uint8:
            return super().CreateNumpyVector(x)
        content = x.dtype.str, x.tobytes()
        if content not in self._written:
            self._written[content] = super().CreateNumpyVector(x)
        return self._written[content]


def unpack(content: bytes) -> schema.ModelT:
    """Reads the content of a `.tflite` file."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def pack(model: schema.ModelT) -> bytes:
    """Writes a model as the content of a `.tflite` file, without constants that nothing reads."""
    read = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    read |= {metadata.buffer for metadata in model.metadata or ()}
    for index, buffer in enumerate(model.buffers):
        buffer.__class__ = _AlignedBuffer
        if index not in read:
            buffer.data = None
    builder = _SharingBuilder()
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def compact(content: bytes) -> bytes:
    """The content of a `.tflite` file in fewer bytes.

    The converter writes an empty buffer for each tensor that is not a constant, and equal arrays
    each time.
    """
    model = unpack(content)
    full = [i for i, buffer in enumerate(model.buffers) if i != NO_BUFFER and _has_data(buffer)]
    positions = {old: new for new, old in enumerate([NO_BUFFER, *full])}
    readers_of_buffers = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    for reader in [*readers_of_buffers, *(model.metadata or ())]:
        reader.buffer = positions.get(reader.buffer, NO_BUFFER)
    model.buffers = [model.buffers[old] for old in positions]
    return pack(model)


def _has_data(buffer: schema.BufferT) -> bool:
    return buffer.data is not None and len(buffer.data) > 0


def op_name(model: schema.ModelT, op: schema.OperatorT) -> str:
    """The name of a builtin op by the schema; CUSTOM for custom and Select TF ops."""
    code = model.operatorCodes[op.opcodeIndex]
    return name_of(schema.BuiltinOperator, max(code.builtinCode, code.deprecatedBuiltinCode))


def tensor_name(tensor: schema.TensorT) -> str:
    """The name of a tensor, which names the op that writes it as well."""
    return tensor.name.decode(errors="replace") if tensor.name else ""


def float_constant(model: schema.ModelT, tensor: schema.TensorT) -> np.ndarray | None:
    """The values of a constant float32 tensor; None if it is not one."""
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None or not len(data):
        return None
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32).reshape(
        tensor.shape if tensor.shape is not None else ()
    )


def set_constant(model: schema.ModelT, tensor: schema.TensorT, values: np.ndarray) -> None:
    """Makes a tensor the constant `values`, in a buffer of its own."""
    buffer = _AlignedBuffer()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1


def add_tensor(graph: schema.SubGraphT, like: schema.TensorT, name: str) -> int:
    """Adds a tensor with the type and shape of another, which is not a constant.

    Returns:
        Its index.
    """
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name.encode(), like.type, NO_BUFFER
    tensor.shape, tensor.shapeSignature, tensor.hasRank = like.shape, like.shapeSignature, True
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def make_op(
    model: schema.ModelT, name: str, version: int, inputs: Sequence[int], output: int
) -> schema.OperatorT:
    """Makes a builtin op, which is still to be inserted into a graph.

    Args:
        model: The model, which gains the op's code unless it has it.
        name: The name of the op by the schema.
        version: The version of the op.
        inputs: The tensors that it reads.
        output: The tensor that it writes.
    """
    op = schema.OperatorT()
    op.opcodeIndex = _opcode(model, getattr(schema.BuiltinOperator, name), version)
    op.inputs, op.outputs = list(inputs), [output]
    return op


def _opcode(model: schema.ModelT, builtin: int, version: int) -> int:
    for index, code in enumerate(model.operatorCodes):
        known = max(code.builtinCode, code.deprecatedBuiltinCode)
        if (known, code.version) == (builtin, version):
            return index
    code = schema.OperatorCodeT()
    # files for old runtimes hold the op in a field of one byte
    code.builtinCode, code.deprecatedBuiltinCode = builtin, min(builtin, 127)
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def readers(graph: schema.SubGraphT, tensor: int) -> list[schema.OperatorT]:
    """The ops that read a tensor."""
    return [op for op in graph.operators if tensor in op.inputs]


def float_ops(model: schema.ModelT) -> Iterator[schema.OperatorT]:
    """The ops of the main graph that write a float32 tensor."""
    graph = model.subgraphs[0]
    for op in graph.operators:
        if any(graph.tensors[i].type == schema.TensorType.FLOAT32 for i in op.outputs):
            yield op
