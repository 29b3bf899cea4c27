"""Runs the lowerings."""

from tfx_tflite_component.lowering.bincount import lower_bincounts
from tfx_tflite_component.lowering.casts import keep_small_integers
from tfx_tflite_component.lowering.constant_select import remove_constant_selects
from tfx_tflite_component.lowering.lookup import lower_lookups
from tfx_tflite_component.lowering.reshapes import remove_reshapes
from tfx_tflite_component.lowering.search import lower_searches
from tfx_tflite_component.split.graph import FlatGraph

_PASSES = (
    lower_lookups,
    lower_searches,
    lower_bincounts,
    remove_constant_selects,
    remove_reshapes,
    keep_small_integers,
)


def lower(graph: FlatGraph) -> tuple[FlatGraph, dict[str, list[str]]]:
    """Rewrites the ops of a graph that builtin ops can do as well.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the nodes that each lowering rewrote, by the lowering's name.
    """
    rewritten = {}
    for lowering in _PASSES:
        graph, names = lowering(graph)
        if names:
            rewritten[lowering.__name__] = names
    return graph, rewritten
