"""Crossings of tensors that the config names."""

import difflib
from collections.abc import Mapping

from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.graph.flat_graph import FlatGraph, without_calls
from tfx_tflite_component.split.crossings import Crossing, whole


def named_tensors(graph: FlatGraph, tensors: Mapping[str, str]) -> list[Crossing]:
    """Crossings of tensors, unchanged, under the names that the config gives them.

    Args:
        graph: The graph of a signature.
        tensors: The tensor for each input of the tail, `op` for an op's first output and `op:1` for
            its second, by the ops' names in the signature's inlined graph. The names of the
            function calls on the way, such as `StatefulPartitionedCall`, may be left out.

    Raises:
        ConfigError: There is no such tensor, or no output depends on it.
    """
    ways = [whole(name, _found(graph, name, tensor)) for name, tensor in sorted(tensors.items())]
    _, used = graph.ancestors(
        graph.fetches, stop={tensor for way in ways for tensor in way.tensors}
    )
    for way in ways:
        if used.isdisjoint(way.tensors):
            (name,), (tensor,) = way.inputs, way.tensors
            raise ConfigError(
                f"boundary_tensors[{name!r}]: none of the outputs {listed(graph.outputs)} depends "
                f"on {tensor!r}, or only through the other tensors. Leave it out."
            )
    return ways


def _found(graph: FlatGraph, name: str, tensor: str) -> str:
    op, _, index = tensor.removesuffix(":0").partition(":")
    nodes = [node for node in graph.nodes if op in (node, without_calls(node))]
    if len(nodes) != 1:
        names = list(map(without_calls, graph.nodes))
        close = difflib.get_close_matches(op, names, n=5) or names[:5]
        raise ConfigError(
            f"boundary_tensors[{name!r}]: {len(nodes) or 'no'} ops of the signature's graph are "
            f"named {op!r}, expected one. The names nearest to it are {listed(nodes or close)}."
        )
    found = f"{nodes[0]}:{index}" if index else nodes[0]
    if (index and not index.isdecimal()) or found not in graph.static_tensors:
        raise ConfigError(
            f"boundary_tensors[{name!r}]: op {op!r} has no output {index or '0'!r}; expected a "
            "number from 0 to that of its outputs less one, or none for the first."
        )
    return graph.origin(found)
