"""Rewrites sums as means, for 16-bit activations.

With 16-bit activations, the result of TFLite's `SUM` has the scale of its input, so a sum of more
than a few values is clipped to the range of the input. `MEAN` has no such limit, and the result of
`MUL` has its own scale.

1. A sum over axes of known sizes is the mean times the number of values.
2. Sums of dtypes other than float32, over axes of unknown size, or over axes that are computed when
   the model runs are not changed.
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
