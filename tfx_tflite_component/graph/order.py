"""An order in which the nodes of a graph can be computed."""

import graphlib
from collections.abc import Collection, Iterable

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import FlatGraph


def in_order(graph: FlatGraph, tensors: Iterable[str], stop: Collection[str] = ()) -> list[str]:
    """The nodes that compute tensors, each after those that it reads.

    Args:
        graph: The graph.
        tensors: What is computed.
        stop: Tensors that are given.

    Raises:
        SplitError: The nodes form a loop, as those of TF1's control flow do.
    """
    names, _ = graph.ancestors(tensors, stop)
    before = {
        name: {
            graph.node(tensor).name
            for tensor in graph.data_inputs(graph.nodes[name], stop)
            if tensor not in stop
        }.union(_after(graph, name))
        for name in sorted(names)
    }
    try:
        return list(graphlib.TopologicalSorter(before).static_order())
    except graphlib.CycleError as e:
        raise SplitError(
            f"Op {e.args[1][0]!r} is part of a loop in TF1's control flow, which cannot be split. "
            "Export the signature from TF2, or after tf.compat.v1.enable_control_flow_v2()."
        ) from e


def _after(graph: FlatGraph, name: str) -> list[str]:
    """The nodes that must run before a node although it does not read them."""
    return [tensor[1:] for tensor in graph.nodes[name].input if tensor.startswith("^")]
