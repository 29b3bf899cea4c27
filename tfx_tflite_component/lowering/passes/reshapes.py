"""Removes reshapes that are taken back.

TF Transform and Keras flatten what they compute with and give it its shape back, mostly by `Shape`,
so that the converter does not see that nothing changes.

1. `Reshape`, `ExpandDims` and `Squeeze` keep the elements and their order; `Bucketize` and `Cast`
   compute each element for itself. So a chain of these does the same without its reshapes, if it
   gives its result the shape of what it starts from.
2. It does, if the static shapes are the same, at most one size is unknown and none is zero: the
   number of elements leaves no choice.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement, applied

_RESHAPING = ("ExpandDims", "Reshape", "Squeeze")
_ELEMENTWISE = ("Bucketize", "Cast")


def _replacement(graph: FlatGraph, reshape: NodeDef) -> Replacement | None:
    chain = _chain(graph, reshape)
    if not chain:
        return None

    def build(x: tf.Tensor) -> tf.Tensor:
        for node in reversed(chain):
            x = applied(node, x) if node.op in _ELEMENTWISE else x
        return x

    return Replacement((graph.data_inputs(chain[-1])[0],), build)


def _chain(graph: FlatGraph, reshape: NodeDef) -> list[NodeDef]:
    """The shortest chain that ends in a reshape and keeps the shape, from its end to its start."""
    shape = graph.static_tensors[reshape.name].shape
    if shape.rank is None or shape.as_list().count(None) > 1 or 0 in shape.as_list():
        return []
    chain = [reshape]
    while graph.static_tensors[graph.data_inputs(chain[-1])[0]].shape != shape:
        chain.append(graph.node(graph.data_inputs(chain[-1])[0]))
        if chain[-1].op not in (*_RESHAPING, *_ELEMENTWISE):
            return []
    return chain


PASS = node_pass("reshapes", _RESHAPING, _replacement)
