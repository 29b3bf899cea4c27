"""Runs the lowerings."""

from tfx_tflite_component.graph.flat_graph import FlatGraph
from tfx_tflite_component.lowering.passes import (
    bincount,
    buckets,
    casts,
    checks,
    comparisons,
    concat_axis,
    constant_select,
    lookups,
    ragged,
    reshapes,
    resize,
    search,
    sizes,
    sparse_counts,
    sparse_sums,
    words,
)

_PASSES = (
    checks.PASS,
    ragged.PASS,
    words.PASS,
    comparisons.PASS,
    lookups.PASS,
    buckets.PASS,
    sizes.PASS,
    search.PASS,
    bincount.PASS,
    sparse_counts.PASS,
    sparse_sums.PASS,
    resize.PASS,
    constant_select.PASS,
    reshapes.PASS,
    casts.PASS,
)


def lower(graph: FlatGraph, is_calibrated: bool = False) -> tuple[FlatGraph, dict[str, list[str]]]:
    """Rewrites the ops of a graph that builtin ops can do as well.

    Args:
        graph: The graph of a signature.
        is_calibrated: Whether the model's activations are going to be integers.

    Returns:
        The graph, and the nodes that each lowering rewrote, by the lowering's name.
    """
    last = concat_axis.FROM_THE_END if is_calibrated else concat_axis.FROM_THE_START
    rewritten = {}
    for lowering in (*_PASSES, last):
        graph, names = lowering.run(graph)
        if names:
            rewritten[lowering.name] = names
    return graph, rewritten
