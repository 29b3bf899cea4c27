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
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.static_tensors import static_tensors

_RESHAPING = ("ExpandDims", "Reshape", "Squeeze")
_ELEMENTWISE = ("Bucketize", "Cast")


def remove_reshapes(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Replaces each chain that keeps the shape by its elementwise ops.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the reshapes that ended the chains.
    """
    known = static_tensors(graph)
    nodes = dict(graph.nodes)
    removed = []
    for name, node in graph.nodes.items():
        if node.op in _RESHAPING and (chain := _chain(graph, known, node)):
            nodes |= {added.name: added for added in _elementwise(graph, node, chain)}
            removed.append(name)
    return dataclasses.replace(graph, nodes=nodes), sorted(removed)


def _chain(graph: FlatGraph, known: Callable[[str], tf.Tensor], reshape: NodeDef) -> list[NodeDef]:
    """The shortest chain that ends in a reshape and keeps the shape, from its end to its start."""
    shape = known(reshape.name).shape
    if shape.rank is None or shape.as_list().count(None) > 1 or 0 in shape.as_list():
        return []
    chain = [reshape]
    while known(graph.data_inputs(chain[-1])[0]).shape != shape:
        chain.append(graph.node(graph.data_inputs(chain[-1])[0]))
        if chain[-1].op not in (*_RESHAPING, *_ELEMENTWISE):
            return []
    return chain


def _elementwise(graph: FlatGraph, reshape: NodeDef, chain: Sequence[NodeDef]) -> Iterator[NodeDef]:
    """The elementwise ops of a chain, and an identity in the place of the reshape at its end."""
    tensor = graph.data_inputs(chain[-1])[0]
    for node in reversed(chain):
        if node.op in _ELEMENTWISE:
            copy = NodeDef()
            copy.CopyFrom(node)
            copy.name, copy.input[0] = f"{reshape.name}/{node.name}", tensor
            yield copy
            tensor = copy.name
    identity = NodeDef(name=reshape.name, op="Identity", input=[tensor])
    identity.attr["T"].CopyFrom(reshape.attr["T"])
    yield identity
