"""Makes the LSTM ops of a `.tflite` file start anew at each call, as the SavedModel does.

`UNIDIRECTIONAL_SEQUENCE_LSTM` keeps its states in variables of the interpreter, where each call
continues from the last one. Here, an op writes zeros into them before the LSTM runs. The converter
also lets the op clip the cell state to 10, which no layer of Keras does.
"""

from collections.abc import Iterator

import numpy as np

from tfx_tflite_component.tflite.inspection import kind_and_name
from tfx_tflite_component.tflite.model_edit import (
    add_tensor,
    make_op,
    op_name,
    pack,
    set_constant,
    tensor_name,
    unpack,
)
from tfx_tflite_component.tflite.schema import schema

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_STATES = (18, 19)
"""The positions of the output state and of the cell state among an LSTM's inputs."""

_LEAST_CELL_SCALE = 2.0**-15
"""The cell state then ranges from -1 to 1. TFLite's kernel has no tanh for smaller ranges."""

_DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT16: np.int16,
}
# the first version of MAXIMUM for each dtype
_VERSIONS = {np.float32: 1, np.int8: 2, np.int16: 4}


def start_anew(content: bytes | bytearray) -> bytes | bytearray:
    """Makes the LSTM ops of a model start with zeros at each call.

    Args:
        content: The content of a `.tflite` file.

    Returns:
        The content of the changed file; the same content if there is no LSTM op.
    """
    if not _has_lstm(content):
        return content
    model = unpack(bytes(content))
    for graph, op in _lstms(model):
        op.builtinOptions.cellClip = 0.0
        rescaled = list(_rescaled(model, graph, op))
        states = [op.inputs[position] for position in _STATES]
        # a float model has the ops already that it was quantized from
        graph.operators = [one for one in graph.operators if one.outputs[0] not in states]
        place = graph.operators.index(op)
        resets = [_reset(model, graph, state) for state in states]
        graph.operators[place : place + 1] = [*resets, op, *rescaled]
    return pack(model)


def _has_lstm(content: bytes | bytearray) -> bool:
    model = schema.Model.GetRootAs(content, 0)
    codes = map(model.OperatorCodes, range(model.OperatorCodesLength()))
    return any(kind_and_name(code)[1] == _LSTM for code in codes)


def _lstms(model: schema.ModelT) -> list[tuple[schema.SubGraphT, schema.OperatorT]]:
    """The LSTM ops, each with its graph, whose ops may then be changed."""
    return [
        (graph, op)
        for graph in model.subgraphs
        for op in graph.operators
        if op_name(model, op) == _LSTM
    ]


def _rescaled(
    model: schema.ModelT, graph: schema.SubGraphT, op: schema.OperatorT
) -> Iterator[schema.OperatorT]:
    """Gives the states true scales; an op gives the output another one, if it has one.

    In integers, an LSTM writes its output and the output state with the scale of its last
    intermediate tensor. But the converter gives the output the scale of a concatenation that reads
    it, and not the state. It also gives small cell states a scale that the LSTM does not have.
    """
    output = op.outputs[0]
    if graph.tensors[output].type != schema.TensorType.INT8:
        return
    written = graph.tensors[op.intermediates[-1]].quantization
    output_state, cell_state = (graph.tensors[op.inputs[position]] for position in _STATES)
    output_state.quantization = written
    scale = np.maximum(cell_state.quantization.scale, _LEAST_CELL_SCALE)
    cell_state.quantization.scale = scale.astype(np.float32)
    if _scale(graph.tensors[output].quantization) != _scale(written):
        name = f"{tensor_name(graph.tensors[output])}/written"
        op.outputs = [add_tensor(graph, graph.tensors[output], name)]
        graph.tensors[op.outputs[0]].quantization = written
        yield make_op(model, "QUANTIZE", 2, op.outputs, output)


def _scale(quantization: schema.QuantizationParametersT | None) -> tuple[float, int] | None:
    """The scale and the zero point of a tensor; None if it has none."""
    if quantization is None or quantization.scale is None or not len(quantization.scale):
        return None
    return float(quantization.scale[0]), int(quantization.zeroPoint[0])


def _reset(model: schema.ModelT, graph: schema.SubGraphT, state: int) -> schema.OperatorT:
    """An op that writes zeros into a variable: the larger ones of zeros and the same zeros."""
    variable = graph.tensors[state]
    dtype = _DTYPES[variable.type]
    zeros = add_tensor(graph, variable, f"{tensor_name(variable)}/zeros")
    graph.tensors[zeros].quantization = variable.quantization
    _, zero_point = _scale(variable.quantization) or (1.0, 0)
    set_constant(model, graph.tensors[zeros], np.full(variable.shape, zero_point, dtype))
    op = make_op(model, "MAXIMUM", _VERSIONS[dtype], [zeros, zeros], state)
    op.builtinOptionsType = schema.BuiltinOptions.MaximumMinimumOptions
    op.builtinOptions = schema.MaximumMinimumOptionsT()
    return op


def with_intermediates(content: bytes) -> bytes:
    """Gives the LSTM ops of a float model the tensors whose ranges a calibration records.

    Args:
        content: The content of a `.tflite` file.

    Returns:
        The content of the changed file; the same content if there is no LSTM op.
    """
    if not _has_lstm(content):
        return content
    model = unpack(content)
    for graph, op in _lstms(model):
        op.intermediates = [_intermediate(graph, op, number) for number in range(5)]
    return pack(model)


def _intermediate(graph: schema.SubGraphT, op: schema.OperatorT, number: int) -> int:
    output = graph.tensors[op.outputs[0]]
    tensor = add_tensor(graph, output, f"{tensor_name(output)}/intermediate{number}")
    graph.tensors[tensor].shape = graph.tensors[tensor].shapeSignature = None
    graph.tensors[tensor].hasRank = False
    return tensor
