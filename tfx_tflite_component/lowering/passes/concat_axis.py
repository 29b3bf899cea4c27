"""Controls whether arithmetic is done before a concatenation or once after it.

If all concatenated tensors are results of the same arithmetic, such as z-scores of features, the
converter concatenates first and does the arithmetic once, unless the axis is negative. This makes a
float model smaller. But an integer model then has one quantization scale for all features before
the arithmetic: of two features with values up to 4000 and up to 20, it loses nearly all precision
of the second.

1. An axis can be counted from the start or from the end; both mean the same axis.
2. The axis is changed if it is constant, and if the concatenated tensors are floats of known rank
   that are all results of the same kind of op.
3. Any other concatenation is not changed.
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
