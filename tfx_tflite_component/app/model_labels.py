"""The labels of the classes that a model itself has, because it returns them."""

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.tables import FIND, table_content

_RESHAPES = ("Reshape", "ExpandDims", "Squeeze", "Tile", "BroadcastTo")
_GATHERS = ("Gather", "GatherV2", "ResourceGather")


def model_labels(graph: FlatGraph) -> tuple[str, ...]:
    """The labels that a signature looks up by their index for an output; empty if it does not.

    Args:
        graph: The graph of the signature.
    """
    for tensor in graph.outputs.values():
        if graph.static_tensors[tensor].dtype == tf.string:
            words = _looked_up(graph, tensor)
            if words is not None:
                return tuple(word.decode(errors="replace") for word in words.tolist())
    return ()


def _looked_up(graph: FlatGraph, tensor: str) -> np.ndarray | None:
    """The strings that a tensor's elements are looked up in by their index; None if it is else."""
    node = _unshaped(graph, tensor)
    if node.op == FIND:
        try:
            keys, words = table_content(graph, graph.data_inputs(node)[0], node)
        except SplitError:  # a table that cannot be rebuilt
            return None
        return words if np.array_equal(keys, np.arange(len(keys))) else None
    table = graph.constant(graph.data_inputs(node)[0] if node.op in _GATHERS else node.name)
    return table.ravel() if table is not None else None


def _unshaped(graph: FlatGraph, tensor: str) -> NodeDef:
    """The node that computes the elements of a tensor, before they were given its shape."""
    node = graph.node(graph.origin(tensor))
    while node.op in _RESHAPES:
        node = graph.node(graph.data_inputs(node)[0])
    return node
