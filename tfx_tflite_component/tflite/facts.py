"""The cost of a model, as far as it follows from the file: multiply-accumulates and memory.

Both are for the shapes in the file, which have 1 for a dynamic size: a batch of one.
"""

import itertools
import math
from collections.abc import Callable, Iterator

from tfx_tflite_component.tflite.schema import schema

_BITS = {
    schema.TensorType.BOOL: 8,
    schema.TensorType.INT4: 4,
    schema.TensorType.INT8: 8,
    schema.TensorType.UINT8: 8,
    schema.TensorType.INT16: 16,
    schema.TensorType.UINT16: 16,
    schema.TensorType.FLOAT16: 16,
    schema.TensorType.INT32: 32,
    schema.TensorType.UINT32: 32,
    schema.TensorType.FLOAT32: 32,
    schema.TensorType.INT64: 64,
    schema.TensorType.UINT64: 64,
    schema.TensorType.FLOAT64: 64,
    schema.TensorType.COMPLEX64: 64,
    schema.TensorType.COMPLEX128: 128,
}
# the first eight weights of an LSTM: input and recurrent, for each of its four gates
# (tensorflow/lite/kernels/lstm_shared.h)
_LSTM_WEIGHTS = slice(1, 9)

_Shape = tuple[int, ...]


def multiply_accumulates(model: schema.Model) -> int:
    """The multiply-accumulates (MACs) of one inference, in ops that have weights.

    Convolutions, fully connected layers, matrix products and LSTMs are counted; those in a loop or
    branch are counted once. (Arm's Vela also counts the elements of pooling and elementwise ops.)

    Args:
        model: The model.
    """
    return sum(
        _MACS[_builtin(model, op)](_shapes(graph, op), _shape(graph, op.Outputs(0)))
        for graph in _graphs(model)
        for op in _ops(graph)
        if _builtin(model, op) in _MACS
    )


def peak_tensor_bytes(model: schema.Model) -> int:
    """The peak bytes of tensors that are alive at the same time, without weights and variables.

    A tensor is alive from the op that writes it to the last op that reads it; inputs from the
    start, outputs to the end. Strings count as empty, and the bodies of loops and branches are
    counted separately. It is a lower bound for the memory of a runtime: without padding, it is what
    TensorFlow Lite Micro calls the head of its arena.

    Args:
        model: The model.
    """
    return max(map(_Liveness(model).peak, _graphs(model)), default=0)


class _Liveness:
    """The tensors of a graph that are alive at each op."""

    def __init__(self, model: schema.Model) -> None:
        self._model = model

    def peak(self, graph: schema.SubGraph) -> int:
        """The largest sum of the sizes of tensors that are alive at one op."""
        spans = self._spans(graph)
        changes = [0] * (graph.OperatorsLength() + 2)
        for index, (first, last) in spans.items():
            size = self._size(graph.Tensors(index))
            changes[first] += size
            changes[last + 1] -= size
        return max(itertools.accumulate(changes))

    def _spans(self, graph: schema.SubGraph) -> dict[int, tuple[int, int]]:
        """The first and the last op at which each tensor is alive."""
        last_op = max(graph.OperatorsLength() - 1, 0)
        spans = {graph.Inputs(i): (0, 0) for i in range(graph.InputsLength())}
        for position, op in enumerate(_ops(graph)):
            for index in (*_indices(op.Inputs, op.InputsLength()), *_outputs(op)):
                first, _ = spans.get(index, (position, position))
                spans[index] = first, position
        for i in range(graph.OutputsLength()):
            first, _ = spans.get(graph.Outputs(i), (0, 0))
            spans[graph.Outputs(i)] = first, last_op
        return spans

    def _size(self, tensor: schema.Tensor) -> int:
        """The bytes that a tensor takes while the model runs; 0 for constants and variables."""
        buffer = self._model.Buffers(tensor.Buffer())
        if buffer.DataLength() or buffer.Size() or tensor.IsVariable():
            return 0
        elements = math.prod(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
        return math.ceil(elements * _BITS.get(tensor.Type(), 0) / 8)


def _convolution(inputs: list[_Shape], output: _Shape) -> int:
    # filter: [channels out, ..., channels in of a group]
    return math.prod(output) * math.prod(inputs[1][1:])


def _depthwise(inputs: list[_Shape], output: _Shape) -> int:
    # filter: [1, height, width, channels out]
    return math.prod(output) * math.prod(inputs[1][1:3])


def _transposed_convolution(inputs: list[_Shape], _: _Shape) -> int:
    # inputs: the shape of the output, the filter [channels out, height, width, channels in], the
    # values [batch, height, width, channels in]
    return math.prod(inputs[2]) * math.prod(inputs[1][:3])


def _convolution_3d(inputs: list[_Shape], output: _Shape) -> int:
    # filter: [depth, height, width, channels in, channels out]
    return math.prod(output) * math.prod(inputs[1][:4])


def _matrix_product(inputs: list[_Shape], output: _Shape) -> int:
    # one side may be transposed: the elements of the left side, for each column of the right side
    return math.prod(inputs[0]) * output[-1] if output else 0


def _lstm(inputs: list[_Shape], output: _Shape) -> int:
    steps = math.prod(output[:-1])
    return steps * sum(math.prod(shape) for shape in inputs[_LSTM_WEIGHTS] if shape)


_Op = schema.BuiltinOperator
_MACS: dict[int, Callable[[list[_Shape], _Shape], int]] = {
    _Op.CONV_2D: _convolution,
    _Op.DEPTHWISE_CONV_2D: _depthwise,
    _Op.TRANSPOSE_CONV: _transposed_convolution,
    _Op.CONV_3D: _convolution_3d,
    _Op.FULLY_CONNECTED: _matrix_product,
    _Op.BATCH_MATMUL: _matrix_product,
    _Op.UNIDIRECTIONAL_SEQUENCE_LSTM: _lstm,
}


def _graphs(model: schema.Model) -> Iterator[schema.SubGraph]:
    return map(model.Subgraphs, range(model.SubgraphsLength()))


def _ops(graph: schema.SubGraph) -> Iterator[schema.Operator]:
    return map(graph.Operators, range(graph.OperatorsLength()))


def _builtin(model: schema.Model, op: schema.Operator) -> int:
    code = model.OperatorCodes(op.OpcodeIndex())
    # files of the first versions hold the op in a field of one byte
    return max(code.BuiltinCode(), code.DeprecatedBuiltinCode())


def _indices(get: Callable[[int], int], count: int) -> list[int]:
    """The tensors at an op's inputs or outputs; -1 is a missing optional tensor."""
    return [index for index in map(get, range(count)) if index >= 0]


def _outputs(op: schema.Operator) -> list[int]:
    return _indices(op.Outputs, op.OutputsLength())


def _shapes(graph: schema.SubGraph, op: schema.Operator) -> list[_Shape]:
    """The shape of each input; empty for a missing one."""
    return [_shape(graph, op.Inputs(position)) for position in range(op.InputsLength())]


def _shape(graph: schema.SubGraph, index: int) -> _Shape:
    if index < 0:
        return ()
    tensor = graph.Tensors(index)
    return tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
