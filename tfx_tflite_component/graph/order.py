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
    # lists, because the order of a set differs from process to process
    before = {name: _before(graph, name, stop) for name in sorted(names)}
    try:
        return list(graphlib.TopologicalSorter(before).static_order())
    except graphlib.CycleError as e:
        raise SplitError(
            f"Op {e.args[1][0]!r} is part of a loop in TF1's control flow, which cannot be split. "
            "Export the signature from TF2, or after tf.compat.v1.enable_control_flow_v2()."
        ) from e


def _before(graph: FlatGraph, name: str, stop: Collection[str]) -> list[str]:
    """The nodes that a node reads, and those that must run before it although it does not."""
    node = graph.nodes[name]
    read = [graph.node(t).name for t in graph.data_inputs(node, stop) if t not in stop]
    after = [tensor[1:] for tensor in node.input if tensor.startswith("^")]
    return list(dict.fromkeys([*read, *after]))
