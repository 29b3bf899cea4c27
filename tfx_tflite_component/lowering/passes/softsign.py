"""Computes softsign by its definition.

`tf.nn.softsign` creates the op `Softsign`, which TFLite lacks.

1. The result is `x / (|x| + 1)`, as in TensorFlow.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement:
    return Replacement(tuple(graph.data_inputs(node)), lambda x: x / (tf.abs(x) + 1))


PASS = node_pass("softsign", ["Softsign"], _replacement)
