"""Reverses axes by gathering, for integer activations.

The converter gives the result of `REVERSE_V2` another scale than its operand if what reads it needs
one, as a concatenation may. But the op only moves integers, so that its results would be wrong.
`GATHER` always keeps the scale.

1. One axis of known size is reversed by gathering its rows from the last to the first.
2. Several axes, axes of unknown size, and dtypes other than float32 are not changed.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    operand, reversed_axes = graph.data_inputs(node)
    spec, axes = graph.static_tensors[operand], graph.constant(reversed_axes)
    if spec.dtype != tf.float32 or spec.shape.rank is None or axes is None or axes.size != 1:
        return None
    axis = int(axes.item()) % spec.shape.rank
    size = spec.shape[axis]
    if size is None:
        return None
    return Replacement((operand,), lambda x: tf.gather(x, range(size)[::-1], axis=axis))


PASS = node_pass("reverse", ["ReverseV2"], _replacement)
