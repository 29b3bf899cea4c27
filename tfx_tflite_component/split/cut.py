"""The part of a signature's graph that comes after the crossings."""

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.nodes import rewired
from tfx_tflite_component.split.crossings import Crossing

_SCOPE = "boundary"


def cut(
    graph: FlatGraph, ways: Sequence[Crossing], specs: Mapping[str, tf.TensorSpec]
) -> tuple[FlatGraph, list[Crossing]]:
    """Cuts off the graph before the crossings, so that a walk through the rest stops there.

    Args:
        graph: The graph of a signature.
        ways: The crossings.
        specs: The shape and dtype of each input of the tail, which are more exact than in the
            graph.

    Returns:
        The rest of the graph, without identities and control dependencies, and the crossings,
        whose tensors are placeholders in it.
    """
    crossing = sorted({tensor for way in ways for tensor in way.tensors})
    placeholders = {tensor: f"{_SCOPE}/{index}" for index, tensor in enumerate(crossing)}
    # sparse and ragged features have an input for lengths; otherwise the only input is the tensor
    as_they_are = {
        tensor: specs[way.inputs[0]]
        for way in ways
        if len(way.inputs) == 1
        for tensor in way.tensors
    }
    nodes = {
        name: _placeholder(name, as_they_are.get(tensor) or graph.static_tensors[tensor])
        for tensor, name in placeholders.items()
    }

    def read(tensor: str) -> str:
        if tensor.startswith("^"):
            return tensor
        tensor = graph.origin(tensor, stop=placeholders)
        return placeholders.get(tensor, tensor)

    outputs = {name: read(tensor) for name, tensor in graph.outputs.items()}
    names = graph.ancestors(graph.fetches, stop=placeholders)[0]
    kept = set(names)
    for name in names:
        node = graph.nodes[name]
        inputs = [read(x) for x in graph.standalone(node, kept, stop=placeholders)]
        nodes[name] = rewired(node, inputs)
    return (
        dataclasses.replace(graph, nodes=nodes, outputs=outputs),
        [_between(way, placeholders) for way in ways],
    )


def _placeholder(name: str, like: tf.TensorSpec) -> NodeDef:
    node = NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = like.dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(like.shape.as_proto())
    return node


def _between(way: Crossing, placeholders: Mapping[str, str]) -> Crossing:
    return dataclasses.replace(way, tensors=tuple(placeholders[name] for name in way.tensors))
