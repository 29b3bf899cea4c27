"""Runs the lowerings."""

from tfx_tflite_component.graph.flat_graph import FlatGraph
from tfx_tflite_component.lowering.passes import (
    batch_statistics,
    biases,
    bincount,
    bounded_norms,
    buckets,
    casts,
    checks,
    clip,
    comparisons,
    concat_axis,
    constant_select,
    einsum,
    fourier,
    half_floats,
    lists,
    lookups,
    loops,
    lstm,
    negative_indices,
    new_axes,
    one_hot,
    products,
    ragged,
    reshapes,
    resize,
    reverse,
    search,
    sizes,
    softplus,
    softsign,
    sparse_counts,
    sparse_sums,
    squared_differences,
    sums,
    words,
    zeros,
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
    clip.PASS,
    softplus.PASS,
    softsign.PASS,
    new_axes.PASS,
    einsum.PASS,
    fourier.PASS,
    constant_select.PASS,
    reshapes.PASS,
    casts.PASS,
)
_OF_16_BIT = (
    batch_statistics.PASS,
    squared_differences.PASS,
    sums.PASS,
    biases.PASS,
    bounded_norms.PASS,
    zeros.PASS,
    negative_indices.PASS,
)


def lower(
    graph: FlatGraph, is_calibrated: bool = False, is_16_bit: bool = False
) -> tuple[FlatGraph, dict[str, list[str]]]:
    """Rewrites ops of a graph as builtin ops that compute the same result.

    Args:
        graph: The graph of a signature.
        is_calibrated: Whether the model's activations will be integers.
        is_16_bit: Whether they are going to be integers of 16 bits.

    Returns:
        The graph, and the nodes that each lowering rewrote, by the lowering's name.
    """
    unroll = loops.ALL if is_calibrated else loops.OF_OPEN_LISTS
    count = concat_axis.FROM_THE_END if is_calibrated else concat_axis.FROM_THE_START
    of_integers = (
        [products.PASS, reverse.PASS, squared_differences.OF_HIGH_RANK] if is_calibrated else []
    )
    of_16_bit = _OF_16_BIT if is_16_bit else ()
    is_8_bit = is_calibrated and not is_16_bit
    fuse = [lstm.PASS] if is_8_bit else []
    of_8_bit = [one_hot.PASS] if is_8_bit else []
    rewritten: dict[str, list[str]] = {}
    # a size may be the number of a loop's steps
    first = (half_floats.PASS, sizes.PASS, *fuse, unroll, lists.PASS)
    for lowering in (*first, *_PASSES, *of_integers, *of_8_bit, *of_16_bit, count):
        graph, names = lowering.run(graph)
        if names:
            rewritten[lowering.name] = [*rewritten.get(lowering.name, ()), *names]
    return graph, rewritten
