"""Removes selections whose condition does not depend on the data.

TF Transform guards its scalers against a constant feature: `scale_to_z_score` and `scale_to_0_1`
select between the scaled value and a fallback, by a condition that is computed from the statistics
of the training data and broadcast to the shape of the input.

1. The condition of `SelectV2` or `Select` has the same value everywhere: it is computed from
   constants, `ZerosLike` and `OnesLike` by element-wise ops.
2. The operand that is selected has the shape of the result: the static shapes are the same, and
   dynamic sizes of the result come only from tensors that also determine the shape of the operand.
3. Then the result equals that operand exactly.

These selections are unnecessary, and they prevent full integer models: the converter leaves
`ZEROS_LIKE` and `CAST` float, and the 16x8 mode rejects them.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_SELECTIONS = ("Select", "SelectV2")
_ELEMENTWISE: dict[str, Callable[..., np.ndarray]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Sqrt": np.sqrt,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
    "LogicalNot": np.logical_not,
}
# Ops whose result has the shape to which their operands broadcast.
_BROADCASTING = (*_ELEMENTWISE, *_SELECTIONS, "Cast", "OnesLike", "RealDiv", "Sigmoid", "ZerosLike")


def _replacement(graph: FlatGraph, selection: NodeDef) -> Replacement | None:
    operand = _always_selected(graph, selection)
    if operand is None or not _have_same_shape(graph, operand, selection.name):
        return None
    return Replacement((operand,), tf.identity)


def _always_selected(graph: FlatGraph, selection: NodeDef) -> str | None:
    condition, if_true, if_false = graph.data_inputs(selection)
    value = _value(graph, condition)
    if value is None or not value.size or value.min() != value.max():
        return None
    return if_true if value.flat[0] else if_false


def _value(graph: FlatGraph, tensor: str) -> np.ndarray | None:
    """What broadcasts to a tensor's value; None if the value depends on more than shapes."""
    tensor = graph.origin(tensor)
    node = graph.node(tensor)
    if tensor in graph.captures or node.op == "Const":
        return graph.constant(tensor)
    if node.op in ("ZerosLike", "OnesLike"):
        return np.asarray(node.op == "OnesLike", _dtype(node, "T"))
    if node.op not in (*_ELEMENTWISE, "Cast"):
        return None
    operands = [_value(graph, name) for name in graph.data_inputs(node)]
    known = [operand for operand in operands if operand is not None]
    if len(known) < len(operands):
        return None
    if node.op == "Cast":
        return known[0].astype(_dtype(node, "DstT"))
    return np.asarray(_ELEMENTWISE[node.op](*known))


def _dtype(node: NodeDef, attribute: str) -> np.dtype:
    return np.dtype(tf.dtypes.as_dtype(node.attr[attribute].type).as_numpy_dtype)


def _have_same_shape(graph: FlatGraph, operand: str, selection: str) -> bool:
    shape = _static_shape(graph, operand)
    if shape is None or shape != _static_shape(graph, selection):
        return False
    return _shape_sources(graph, selection) <= _shape_sources(graph, operand)


def _shape_sources(graph: FlatGraph, tensor: str) -> set[str]:
    """The tensors of unknown size that determine the shape of a tensor."""
    sources = set()
    seen = set()
    pending = [tensor]
    while pending:
        source = pending.pop()
        if source in seen:
            continue
        seen.add(source)
        if graph.node(source).op in _BROADCASTING:
            pending += graph.data_inputs(graph.node(source))
        elif (shape := _static_shape(graph, source)) is None or None in shape:
            sources.add(source)
    return sources


def _static_shape(graph: FlatGraph, tensor: str) -> list[int | None] | None:
    shape = graph.static_tensors[tensor].shape
    return None if shape.rank is None else shape.as_list()


PASS = node_pass("constant_select", ["Select", "SelectV2"], _replacement)
