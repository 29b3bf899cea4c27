"""Counts negative indices from the end by a remainder, for 16-bit activations.

Keras 3's `Embedding` reads rows at `where(i < 0, i + size, i)`. With 16-bit activations, the
converter rejects sums of integers, for which no range was recorded.

1. For the indices that a gather accepts, the result is the remainder of `i` divided by `size`.
2. Not changed are indices that other ops than gathers read as well.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_GATHERS = ("GatherV2", "ResourceGather")


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    condition, shifted, indices = graph.data_inputs(node)
    is_negative, moved = graph.node(condition), graph.node(shifted)
    if is_negative.op != "Less" or moved.op != "AddV2" or not _is_only_gathered(graph, node):
        return None
    compared, zero = graph.data_inputs(is_negative)
    summand, size = graph.data_inputs(moved)
    bound, count = graph.constant(zero), graph.constant(size)
    is_same = compared == summand == indices
    if not is_same or bound is None or bound.any() or count is None or count.ndim or count <= 0:
        return None
    return Replacement((indices, size), tf.math.floormod)


def _is_only_gathered(graph: FlatGraph, node: NodeDef) -> bool:
    readers = [other for other in graph.nodes.values() if node.name in graph.data_inputs(other)]
    is_output = node.name in map(graph.origin, graph.outputs.values())
    return not is_output and all(reader.op in (*_GATHERS, "Identity") for reader in readers)


PASS = node_pass("negative_indices", ["SelectV2"], _replacement)
