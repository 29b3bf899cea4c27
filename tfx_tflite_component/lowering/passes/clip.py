"""Computes `ClipByValue` by a minimum and a maximum.

`tf.saturate_cast` and `tf.quantization.quantize` create the op, which TFLite lacks, while
`tf.clip_by_value` creates `Minimum` and `Maximum`.

1. The result is the maximum of the lower bound and of the minimum of the value and the upper bound.
2. NaN is clipped to a bound, where TensorFlow returns NaN.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement:
    return Replacement(tuple(graph.data_inputs(node)), _clipped)


def _clipped(x: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
    return tf.maximum(tf.minimum(x, upper), lower)


PASS = node_pass("clip", ["ClipByValue"], _replacement)
