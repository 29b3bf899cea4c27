"""Bounds a square instead of the inverse of its root, for 16-bit activations.

Keras 3's `UnitNormalization` multiplies by `min(rsqrt(x), 1e12)`. With 16-bit activations, both
operands of `MINIMUM` get one scale: with 1e12 in its range, everything else is rounded to 0.

1. `min(rsqrt(x), bound)` is `rsqrt(max(x, bound ** -2))`, if `x` is not negative.
2. Not changed are bounds up to 1e3, whose scale does little harm, and bounds with an inverse square
   that is not a normal float32.
"""

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_SMALLEST_BOUND = 1e3


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    first, second = graph.data_inputs(node)
    for root, bound in ((first, graph.constant(second)), (second, graph.constant(first))):
        if graph.node(root).op == "Rsqrt" and bound is not None and bound.size == 1:
            return _bounded(graph, root, float(bound.item()))
    return None


def _bounded(graph: FlatGraph, root: str, bound: float) -> Replacement | None:
    least = bound**-2 if bound > _SMALLEST_BOUND else 0
    if least < np.finfo(np.float32).tiny or graph.static_tensors[root].dtype != tf.float32:
        return None
    (square,) = graph.data_inputs(graph.node(root))
    return Replacement((square,), lambda x: tf.math.rsqrt(tf.maximum(x, least)))


PASS = node_pass("bounded_norms", ["Minimum"], _replacement)
