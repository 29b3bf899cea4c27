"""Removes reshapes that are taken back.

TF Transform and Keras flatten what they compute with and give it its shape back, mostly by `Shape`,
so that the converter does not see that nothing changes.

1. `Reshape`, `ExpandDims` and `Squeeze` keep the elements and their order; `Bucketize` and `Cast`
   compute each element for itself. So a chain of these does the same without its reshapes, if it
   gives its result the shape of what it starts from.
2. It does, if the static shapes are the same, at most one size is unknown and none is zero: the
   number of elements leaves no choice.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from tfx_tflite_component.split.graph import FlatGraph, NodeDef
from tfx_tflite_component.split.statics import static_tensors

_RESHAPING = ("ExpandDims", "Reshape", "Squeeze")
_ELEMENTWISE = ("Bucketize", "Cast")


def remove_reshapes(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Replaces each chain that keeps the shape by its elementwise ops.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the reshapes at the end of the chains.
    """
    known = static_tensors(graph)
    nodes = dict(graph.nodes)
    removed = []
    for name, node in graph.nodes.items():
        if node.op in _RESHAPING and (source := _same_shape_before(graph, known, name)):
            nodes |= _elementwise(graph, name, source)
            removed.append(name)
    return dataclasses.replace(graph, nodes=nodes), sorted(removed)


def _same_shape_before(
    graph: FlatGraph, known: Callable[[str], tf.Tensor], reshape: str
) -> str | None:
    """The nearest tensor of the same shape that a chain of rule 1 makes a reshape of."""
    shape = known(reshape).shape
    tensor = reshape
    while graph.node(tensor).op in (*_RESHAPING, *_ELEMENTWISE):
        tensor = graph.data_inputs(graph.node(tensor))[0]
        if _is_determined(shape) and known(tensor).shape.as_list() == shape.as_list():
            return tensor
    return None


def _is_determined(shape: tf.TensorShape) -> bool:
    return shape.rank is not None and shape.as_list().count(None) <= 1 and 0 not in shape


def _elementwise(graph: FlatGraph, reshape: str, source: str) -> dict[str, NodeDef]:
    """The elementwise ops between a tensor and a reshape, and an identity in the reshape's place."""
    ...
