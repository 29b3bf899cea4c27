"""Decides whether the same arithmetic is done before a concatenation or once after it.

Where everything that is concatenated comes of the same arithmetic, as when each feature becomes a
z-score, the converter concatenates first and does the arithmetic once, unless the axis is negative.
That makes a float model smaller. But an integer model then holds all features, as they are before
the arithmetic, at one scale: of two features with values up to 4000 and up to 20, it keeps next to
nothing of the second.

1. The axis from the start and the axis from the end are the same one.
2. It is counted anew if it is constant, and if what is concatenated are floats of known rank that
   all come of the same kind of op.
3. Any other concatenation is left alone.
"""

from collections.abc import Callable

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.static_tensors import static_tensors
from tfx_tflite_component.lowering.replacement import Replacement, replace

_OP = "ConcatV2"


def concatenate_first(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Makes the axes of concatenations positive, for float models.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the concatenations that were changed.
    """
    return _counted(graph, lambda axis, rank: axis % rank)


def concatenate_last(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Makes the axes of concatenations negative, for integer models.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the concatenations that were changed.
    """
    return _counted(graph, lambda axis, rank: axis % rank - rank)


def _counted(graph: FlatGraph, count: Callable[[int, int], int]) -> tuple[FlatGraph, list[str]]:
    concatenations = [node for node in graph.nodes.values() if node.op == _OP]
    if not concatenations:
        return graph, []
    known = static_tensors(graph)
    found = {node.name: _replacement(graph, known, node, count) for node in concatenations}
    replacements = {name: replacement for name, replacement in found.items() if replacement}
    return replace(graph, replacements), sorted(replacements)


def _replacement(
    graph: FlatGraph,
    known: Callable[[str], tf.Tensor],
    concatenation: NodeDef,
    count: Callable[[int, int], int],
) -> Replacement | None:
    *parts, axis = graph.data_inputs(concatenation)
    position, result = graph.constant(axis), known(concatenation.name)
    if position is None or result.shape.rank is None or not result.dtype.is_floating:
        return None
    if len({graph.node(part).op for part in parts}) > 1:
        return None
    counted = count(int(position), result.shape.rank)
    if counted == int(position):
        return None
    return Replacement(tuple(parts), lambda *tensors: tf.concat(tensors, counted))
