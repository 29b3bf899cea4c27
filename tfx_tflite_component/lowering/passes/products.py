"""Computes negations and squares by multiplication, for integer activations.

The converter has no integer form of `NEG`, which Keras 3's `LayerNormalization` ends in, and of
`SQUARE`, but has one of `MUL`.

1. `-x` is `x` times -1, and the square of `x` is `x` times `x`: both are exact in floats.
2. Dtypes other than float32 are not changed.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_PRODUCTS = {"Neg": lambda x: x * -1.0, "Square": lambda x: x * x}


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    (operand,) = graph.data_inputs(node)
    if graph.static_tensors[operand].dtype != tf.float32:
        return None
    return Replacement((operand,), _PRODUCTS[node.op])


PASS = node_pass("products", _PRODUCTS, _replacement)
