"""Computes softplus so that it does not overflow.

The converter writes softplus as `log(1 + exp(x))`, which is infinite from 89 on. `tf.nn.softplus`,
`tf.math.log_sigmoid` and Keras' `mish` create the op `Softplus`.

1. `log(1 + exp(x))` is `max(x, 0) + log(1 + exp(-|x|))`, whose exponent is never above 0.
2. The result differs from TensorFlow's by rounding: below -17 it is 0 instead of up to 4e-8.
3. Softplus of dtypes other than float32 is not changed.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    if node.attr["T"].type != tf.float32.as_datatype_enum:
        return None
    return Replacement(tuple(graph.data_inputs(node)), _softplus)


def _softplus(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(x) + tf.math.log(tf.exp(-tf.abs(x)) + 1)


PASS = node_pass("softplus", ["Softplus"], _replacement)
