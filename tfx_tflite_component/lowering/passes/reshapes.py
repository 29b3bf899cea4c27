"""Removes reshapes that are undone later.

TF Transform and Keras flatten tensors, compute, and restore the shape, mostly with `Shape`, so that
the converter does not see that the shape does not change.

1. `Reshape`, `ExpandDims` and `Squeeze` keep the elements and their order; `Bucketize` and `Cast`
   are elementwise. So a chain of these ops computes the same without its reshapes, if its result
   has the shape of its input.
2. It has, if the static shapes are the same, at most one size is unknown and none is zero: the
   number of elements then determines the unknown size.
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
    """The shortest chain that ends in a reshape and keeps the shape, from end to start."""
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
