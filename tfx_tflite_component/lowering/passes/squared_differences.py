"""Computes squared differences by a product, for integer activations.

With 16-bit activations, TFLite's `SQUARED_DIFFERENCE` ends the process unless its result has a
coarser scale than its operands, which is not the case in layer normalization. For more than four
dimensions, as in group normalization, the converter makes a `SQUARE` of it, which has no integer
form.

1. The squared difference is the difference times itself, which is exact in floats.
2. Dtypes other than float32 are not changed.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

# of TFLite's own op
_HIGHEST_RANK = 4


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    first, second = graph.data_inputs(node)
    if graph.static_tensors[first].dtype != tf.float32:
        return None
    return Replacement((first, second), _squared_difference)


def _squared_difference(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    difference = first - second
    return difference * difference


def _of_high_rank(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    rank = graph.static_tensors[node.name].shape.rank
    return None if rank is not None and rank <= _HIGHEST_RANK else _replacement(graph, node)


PASS = node_pass("squared_differences", ["SquaredDifference"], _replacement)
OF_HIGH_RANK = node_pass("squared_differences", ["SquaredDifference"], _of_high_rank)
