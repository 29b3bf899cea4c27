"""Computes squared differences by a product, for 16-bit activations.

With 16-bit activations, TFLite's `SQUARED_DIFFERENCE` ends the process unless its result has a
coarser scale than its operands, which is not the case in layer normalization.

1. The squared difference is the difference times itself, which is exact in floats.
2. Dtypes other than float32 are not changed.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    first, second = graph.data_inputs(node)
    if graph.static_tensors[first].dtype != tf.float32:
        return None
    return Replacement((first, second), _squared_difference)


def _squared_difference(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    difference = first - second
    return difference * difference


PASS = node_pass("squared_differences", ["SquaredDifference"], _replacement)
