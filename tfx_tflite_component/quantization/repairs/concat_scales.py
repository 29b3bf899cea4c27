"""Gives features of different scales their own scale before they are concatenated.

A quantized CONCATENATION has one scale for all of its inputs, so that a feature of 1e-3 beside one
of 1e6 is lost. Each input is multiplied by the reciprocal of its largest magnitude before the
CONCATENATION, and the ops that read the result undo this: the constant of a SUB or ADD is
multiplied by the same factor, and the constant of the MUL, DIV or FULLY_CONNECTED after it takes
the factor out again.
"""

from collections.abc import Mapping

import numpy as np

from tfx_tflite_component.tflite.model_edit import (
    add_tensor,
    float_constant,
    make_op,
    op_name,
    pack,
    readers,
    set_constant,
    tensor_name,
    unpack,
)
from tfx_tflite_component.tflite.observation import Observation
from tfx_tflite_component.tflite.schema import schema

_UNLIKE = 4.0
"""The smallest ratio of the magnitudes of two inputs for which there is a repair."""


def scale_concatenations(content: bytes, observed: Mapping[str, Observation]) -> bytes | None:
    """Gives the inputs of concatenations a scale of their own.

    Args:
        content: The content of a float `.tflite` file.
        observed: What values its tensors take, as `observe` returns them.

    Returns:
        The content of the repaired file; None if there is nothing to repair.
    """
    model = unpack(content)
    graph = model.subgraphs[0]
    found = [op for op in graph.operators if op_name(model, op) == "CONCATENATION"]
    repaired = [op for op in found if _scale(model, op, observed)]
    return pack(model) if repaired else None


def _scale(
    model: schema.ModelT, concat: schema.OperatorT, observed: Mapping[str, Observation]
) -> bool:
    graph = model.subgraphs[0]
    inputs = [graph.tensors[i] for i in concat.inputs]
    (output,) = concat.outputs
    largest = [_largest(observed.get(tensor_name(tensor))) for tensor in inputs]
    if not _joins_features(concat, graph.tensors[output]) or min(largest) <= 0:
        return False
    if max(largest) < _UNLIKE * min(largest):
        return False
    widths = [int(tensor.shape[-1]) for tensor in inputs]
    if not _make_up(model, int(output), np.repeat(np.array(largest, np.float32), widths)):
        return False
    position = graph.operators.index(concat)
    scaled = [_scaled(model, int(i), 1 / k) for i, k in zip(concat.inputs, largest, strict=True)]
    concat.inputs = [int(op.outputs[0]) for op in scaled]
    graph.operators[position:position] = scaled
    return True


def _largest(observation: Observation | None) -> float:
    """The largest magnitude of a tensor; 0 if it is not known or always 0."""
    return float(observation.channels.max()) if observation else 0.0


def _joins_features(concat: schema.OperatorT, output: schema.TensorT) -> bool:
    rank = len(output.shape)
    is_last = concat.builtinOptions.axis in (-1, rank - 1)
    return is_last and output.type == schema.TensorType.FLOAT32


def _make_up(model: schema.ModelT, tensor: int, factors: np.ndarray) -> bool:
    """Undoes the factors after a tensor; False, without a change, if that is not possible."""
    graph = model.subgraphs[0]
    reading = readers(graph, tensor)
    if len(reading) != 1 or tensor in graph.outputs:
        return False
    (op,) = reading
    name = op_name(model, op)
    constant = _other_constant(model, op, tensor)
    if constant is None:
        return False
    if name in ("ADD", "SUB") and not op.builtinOptions.fusedActivationFunction:
        if not _make_up(model, int(op.outputs[0]), factors):
            return False
        _replace(model, op, tensor, constant / factors)
        return True
    if name == "MUL" or (name == "FULLY_CONNECTED" and constant.shape[-1] == len(factors)):
        _replace(model, op, tensor, constant * factors)
        return True
    if name == "DIV" and op.inputs[0] == tensor:
        _replace(model, op, tensor, constant / factors)
        return True
    return False


def _other_constant(model: schema.ModelT, op: schema.OperatorT, tensor: int) -> np.ndarray | None:
    """The constant among the first two inputs of an op of which the other is `tensor`."""
    others = [int(i) for i in op.inputs[:2] if i != tensor]
    return (
        float_constant(model, model.subgraphs[0].tensors[others[0]]) if len(others) == 1 else None
    )


def _replace(model: schema.ModelT, op: schema.OperatorT, tensor: int, values: np.ndarray) -> None:
    """Gives an op its own constant, because another op may read the current one."""
    graph = model.subgraphs[0]
    position = 1 if op.inputs[0] == tensor else 0
    old = graph.tensors[int(op.inputs[position])]
    op.inputs = [int(i) for i in op.inputs]
    op.inputs[position] = _add_constant(model, old, f"{tensor_name(old)}/scaled", values)


def _scaled(model: schema.ModelT, tensor: int, factor: float) -> schema.OperatorT:
    graph = model.subgraphs[0]
    original = graph.tensors[tensor]
    name = f"{tensor_name(original)}/scaled"
    constant = _add_constant(model, original, f"{name}/factor", np.array(factor))
    op = make_op(model, "MUL", 1, [tensor, constant], add_tensor(graph, original, name))
    op.builtinOptionsType = schema.BuiltinOptions.MulOptions
    op.builtinOptions = schema.MulOptionsT()
    return op


def _add_constant(model: schema.ModelT, like: schema.TensorT, name: str, values: np.ndarray) -> int:
    graph = model.subgraphs[0]
    index = add_tensor(graph, like, name)
    tensor = graph.tensors[index]
    tensor.shape, tensor.shapeSignature = np.array(np.shape(values), np.int32), None
    set_constant(model, tensor, np.asarray(values, np.float32))
    return index
