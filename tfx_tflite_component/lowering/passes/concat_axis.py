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

import functools
from collections.abc import Callable

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import Pass, node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _counted(
    count: Callable[[int, int], int], graph: FlatGraph, concatenation: NodeDef
) -> Replacement | None:
    *parts, axis = graph.data_inputs(concatenation)
    position, result = graph.constant(axis), graph.static_tensors[concatenation.name]
    if position is None or result.shape.rank is None or not result.dtype.is_floating:
        return None
    if len({graph.node(part).op for part in parts}) > 1:
        return None
    counted = count(int(position), result.shape.rank)
    if counted == int(position):
        return None
    return Replacement(tuple(parts), lambda *tensors: tf.concat(tensors, counted))


def _pass(count: Callable[[int, int], int]) -> Pass:
    return node_pass("concat_axis", ["ConcatV2"], functools.partial(_counted, count))


# for float models, and for integer ones
FROM_THE_START = _pass(lambda axis, rank: axis % rank)
FROM_THE_END = _pass(lambda axis, rank: axis % rank - rank)
