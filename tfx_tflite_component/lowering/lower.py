"""Runs the lowerings."""

from tfx_tflite_component.graph.flat_graph import FlatGraph
from tfx_tflite_component.lowering.passes.bincount import lower_bincounts
from tfx_tflite_component.lowering.passes.buckets import lower_single_buckets
from tfx_tflite_component.lowering.passes.casts import keep_small_integers
from tfx_tflite_component.lowering.passes.checks import lower_checks
from tfx_tflite_component.lowering.passes.comparisons import lower_comparisons
from tfx_tflite_component.lowering.passes.concat_axis import concatenate_first, concatenate_last
from tfx_tflite_component.lowering.passes.constant_select import remove_constant_selects
from tfx_tflite_component.lowering.passes.lookups import lower_lookups
from tfx_tflite_component.lowering.passes.ragged import lower_ragged
from tfx_tflite_component.lowering.passes.reshapes import remove_reshapes
from tfx_tflite_component.lowering.passes.resize import lower_resizes
from tfx_tflite_component.lowering.passes.search import lower_searches
from tfx_tflite_component.lowering.passes.sizes import fold_sizes
from tfx_tflite_component.lowering.passes.sparse_counts import lower_sparse_counts
from tfx_tflite_component.lowering.passes.sparse_sums import lower_sparse_sums
from tfx_tflite_component.lowering.passes.words import lower_words

_PASSES = (
    lower_checks,
    lower_ragged,
    lower_words,
    lower_comparisons,
    lower_lookups,
    lower_single_buckets,
    fold_sizes,
    lower_searches,
    lower_bincounts,
    lower_sparse_counts,
    lower_sparse_sums,
    lower_resizes,
    remove_constant_selects,
    remove_reshapes,
    keep_small_integers,
)


def lower(graph: FlatGraph, is_calibrated: bool = False) -> tuple[FlatGraph, dict[str, list[str]]]:
    """Rewrites the ops of a graph that builtin ops can do as well.

    Args:
        graph: The graph of a signature.
        is_calibrated: Whether the model's activations are going to be integers.

    Returns:
        The graph, and the nodes that each lowering rewrote, by the lowering's name.
    """
    rewritten = {}
    for lowering in (*_PASSES, concatenate_last if is_calibrated else concatenate_first):
        graph, names = lowering(graph)
        if names:
            rewritten[lowering.__name__] = names
    return graph, rewritten
