"""Removes selections whose condition does not depend on the data.

TF Transform guards its scalers against a constant feature: `scale_to_z_score` and `scale_to_0_1`
select between the scaled value and a fallback, by a condition that is computed from the
statistics of the training data and merely spread over the shape of the input.

1. The condition of `SelectV2` or `Select` has the same value everywhere: it is computed from
   constants, `ZerosLike` and `OnesLike` by element-wise ops.
2. The operand that is selected has the shape of the result: the static shapes are the same, and
   sizes that are known only when the model runs come from nothing but what shapes the operand.
3. Then the selection is that operand, bit for bit.

Besides being needless, these ops keep a model from becoming integer throughout: the converter
leaves `ZEROS_LIKE` and `CAST` float, and the 16x8 mode refuses them.
"""

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.static_tensors import static_tensors

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
# Their result has the shape that their operands broadcast to.
_BROADCASTING = (*_ELEMENTWISE, *_SELECTIONS, "Cast", "OnesLike", "RealDiv", "Sigmoid", "ZerosLike")

_Shapes: TypeAlias = Callable[[str], list[int | None] | None]


def remove_constant_selects(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Replaces each selection by the operand that it always selects.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the selections that were removed.
    """
    selections = [node for node in graph.nodes.values() if node.op in _SELECTIONS]
    if not selections:
        return graph, []
    shapes = _static_shapes(graph)
    chosen: dict[str, str] = {}
    for node in selections:
        operand = _always_selected(graph, node)
        if operand and _have_same_shape(graph, shapes, operand, node.name):
            chosen[node.name] = operand
    return _with_identities(graph, chosen), sorted(chosen)


def _always_selected(graph: FlatGraph, selection: NodeDef) -> str | None:
    condition, if_true, if_false = graph.data_inputs(selection)
    value = _value(graph, condition)
    if value is None or not value.size or value.min() != value.max():
        return None
    return if_true if value.flat[0] else if_false


def _value(graph: FlatGraph, tensor: str) -> np.ndarray | None:
    """What broadcasts to the value of a tensor; None if that depends on more than shapes."""
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


def _have_same_shape(graph: FlatGraph, shapes: _Shapes, operand: str, selection: str) -> bool:
    if shapes(operand) is None or shapes(operand) != shapes(selection):
        return False
    sources = _shape_sources(graph, shapes, selection)
    return sources <= _shape_sources(graph, shapes, operand)


def _shape_sources(graph: FlatGraph, shapes: _Shapes, tensor: str) -> set[str]:
    """The tensors of unknown size that a tensor has its shape from."""
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
        elif (shape := shapes(source)) is None or None in shape:
            sources.add(source)
    return sources


def _static_shapes(graph: FlatGraph) -> _Shapes:
    known = static_tensors(graph)

    def shape(tensor: str) -> list[int | None] | None:
        found = known(tensor).shape
        return None if found.rank is None else found.as_list()

    return shape


def _with_identities(graph: FlatGraph, chosen: dict[str, str]) -> FlatGraph:
    nodes = dict(graph.nodes)
    for name, operand in chosen.items():
        identity = NodeDef(name=name, op="Identity", input=[operand])
        identity.attr["T"].CopyFrom(nodes[name].attr["T"])
        nodes[name] = identity
    return dataclasses.replace(graph, nodes=nodes)
