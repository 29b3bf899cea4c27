"""Tensors at the boundary that the config names."""

import difflib
from collections.abc import Mapping

from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.split.crossings import Crossing, whole
from tfx_tflite_component.split.graph import FlatGraph


def named_tensors(graph: FlatGraph, tensors: Mapping[str, str]) -> list[Crossing]:
    """How the tensors cross: as they are, under the names that the config gives them.

    Args:
        graph: The graph of a signature.
        tensors: The tensor for each input of the tail, `op` for an op's first output and `op:1` for
            the next, by the ops' names in the signature's inlined graph.

    Raises:
        ConfigError: There is no such tensor, or no output depends on it.
    """
    ways = [whole(name, _found(graph, name, tensor)) for name, tensor in sorted(tensors.items())]
    _, used = graph.ancestors(
        graph.outputs.values(), stop={tensor for way in ways for tensor in way.tensors}
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
    if op not in graph.nodes or (index and not index.isdecimal()):
        close = difflib.get_close_matches(op, graph.nodes, n=5)
        raise ConfigError(
            f"boundary_tensors[{name!r}]: the signature's graph has no tensor {tensor!r}. The "
            f"names nearest to it are {listed(close) or 'all far from it'}."
        )
    return graph.origin(tensor.removesuffix(":0"))
