"""Sums by way of means, for activations of 16 bits.

With 16-bit activations, TFLite's `SUM` keeps the scale of what it sums up, so that the sum of more
than a few values is cut off at the largest one. `MEAN` has no such limit, and `MUL` has a scale of
its own for its result.

1. A sum over axes of known sizes is their mean, times the number of values.
2. Left alone are sums of other dtypes than float32, and over axes of unknown size or that are
   computed when the model runs.
"""

import math

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    summed, axes = graph.data_inputs(node)
    spec, positions = graph.static_tensors[summed], graph.constant(axes)
    if spec.dtype != tf.float32 or spec.shape.rank is None or positions is None:
        return None
    over = sorted({int(axis) % spec.shape.rank for axis in positions.flat})
    sizes = [spec.shape[axis] for axis in over]
    if not sizes or None in sizes or not math.prod(sizes):
        return None
    keepdims = node.attr["keep_dims"].b
    count = float(math.prod(sizes))
    return Replacement((summed,), lambda x: tf.reduce_mean(x, over, keepdims=keepdims) * count)


PASS = node_pass("sums", ["Sum"], _replacement)
