"""The inputs of a tail that an app has to compute, and the ops with which the head does so."""

from collections.abc import Iterator, Mapping, Sequence

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.order import in_order
from tfx_tflite_component.split.computed_inputs import ComputedInput
from tfx_tflite_component.split.crossings import Crossing
from tfx_tflite_component.split.parse_ops import PARSE_OPS, readable_features

# they compute nothing: constants, arguments, names for tensors, and the parsing itself
_NOT_LISTED = ("Const", "Placeholder", "Identity", "NoOp", "ReadVariableOp", *PARSE_OPS)


def computed_inputs(graph: FlatGraph, ways: Sequence[Crossing]) -> dict[str, ComputedInput]:
    """Describes how the head computes each input that is not simply a parsed feature.

    Args:
        graph: The graph of a signature.
        ways: The crossings that are later in the graph than the inputs or parse ops.
    """
    features = {
        tensor: feature.name for feature in readable_features(graph) for tensor in feature.tensors
    }
    features |= {tensor: name for name, tensor in graph.inputs.items()}
    return {
        name: computed
        for way in ways
        if (computed := _computed(graph, way, features))
        for name in way.inputs
    }


def _computed(graph: FlatGraph, way: Crossing, features: Mapping[str, str]) -> ComputedInput | None:
    _, met = graph.ancestors(way.tensors, stop=features)
    nodes = [graph.nodes[name] for name in in_order(graph, way.tensors, stop=features)]
    ops = dict.fromkeys(op for node in nodes for op in _ops(graph, node))
    names = sorted({features[tensor] for tensor in met})
    return ComputedInput(tuple(names), tuple(ops), way.tensors) if ops else None


def _ops(graph: FlatGraph, node: NodeDef) -> Iterator[str]:
    """The ops of a node, and of the functions that it calls."""
    for part in (node, *graph.inner_nodes(node)):
        if part.op not in _NOT_LISTED:
            yield part.op
