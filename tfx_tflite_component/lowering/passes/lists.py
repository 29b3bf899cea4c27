"""Replaces lists of tensors by the tensors in them.

Recurrent layers keep their inputs and outputs in lists. Each step reads one tensor from a list and
writes one. Once the loop is unrolled, it is known which step wrote which element.

1. `TensorListGetItem` returns the tensor that `TensorListSetItem` wrote, or a slice of the tensor
   from which `TensorListFromTensor` made the list. The positions must be constant.
2. `TensorListStack` packs the elements. Elements that were never written are zeros, as in
   TensorFlow. A list that did not change since it was made of a tensor is that tensor.
3. `TensorListLength` is a constant.
4. Lists that are results of a loop or a condition, and lists that grow, are not changed.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_GET, _STACK, _LENGTH = "TensorListGetItem", "TensorListStack", "TensorListLength"


@dataclasses.dataclass(frozen=True)
class _List:
    """A list.

    Attributes:
        size: The number of elements.
        whole: The tensor from which it was made; None if it was made empty.
        elements: The tensors that were written since, by their positions.
        shape: The shape of the elements, as far as it is known.
    """

    size: int
    whole: str | None
    elements: Mapping[int, str]
    shape: tf.TensorShape


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    found = _list(graph, graph.data_inputs(node)[0])
    if found is None:
        return None
    if node.op == _LENGTH:
        return Replacement((), lambda: tf.constant(found.size))
    positions = range(found.size) if node.op == _STACK else _position(graph, node)
    if positions is None or not _can_be_taken(found, positions):
        return None
    operands = [found.elements[i] for i in positions if i in found.elements]
    dtype = tf.dtypes.as_dtype(node.attr["element_dtype"].type)

    def build(*tensors: tf.Tensor) -> tf.Tensor:
        if node.op == _STACK and found.whole and not found.elements:
            return tensors[0]
        rest = iter(tensors)
        elements = {i: next(rest) for i in positions if i in found.elements}
        whole = next(rest, None)
        taken = [elements[i] if i in elements else _unset(i, whole, elements) for i in positions]
        return tf.stack(taken) if node.op == _STACK else taken[0]

    def _unset(i: int, whole: tf.Tensor | None, elements: Mapping[int, tf.Tensor]) -> tf.Tensor:
        if whole is not None:
            return whole[i]
        if found.shape.is_fully_defined():
            return tf.zeros(found.shape, dtype)
        return tf.zeros_like(next(iter(elements.values())))

    return Replacement((*operands, *([found.whole] if found.whole else [])), build)


def _position(graph: FlatGraph, node: NodeDef) -> list[int] | None:
    position = graph.constant(graph.data_inputs(node)[1])
    return None if position is None else [int(position)]


def _can_be_taken(found: _List, positions: range | list[int]) -> bool:
    """Whether all elements are known, and there is at least one."""
    is_known = found.whole is not None or found.shape.is_fully_defined()
    some_set = any(position in found.elements for position in positions)
    return bool(positions) and (is_known or some_set)


def _list(graph: FlatGraph, tensor: str) -> _List | None:
    """The known contents of a list; None if too little is known."""
    elements: dict[int, str] = {}
    node = graph.node(tensor)
    while node.op == "TensorListSetItem":
        earlier, position, element = graph.data_inputs(node)[:3]
        index = graph.constant(position)
        if index is None:
            return None
        elements.setdefault(int(index), element)
        node = graph.node(earlier)
    if node.op == "TensorListFromTensor":
        whole, _ = graph.data_inputs(node)
        shape = graph.static_tensors[whole].shape
        if not shape.rank or shape[0] is None:
            return None
        return _List(shape[0], whole, elements, shape[1:])
    if node.op == "TensorListReserve":
        shape, size = map(graph.constant, graph.data_inputs(node))
        if shape is None or size is None:
            return None
        of_elements = tf.TensorShape([None if size < 0 else size for size in shape.flat])
        return _List(int(size), None, elements, of_elements if shape.ndim else tf.TensorShape(None))
    return None


PASS = node_pass("lists", [_GET, _STACK, _LENGTH], _replacement)
