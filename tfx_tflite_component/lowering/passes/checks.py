"""Removes checks that values pass through.

Assertions work through control dependencies, which the tail does not have. Values pass through
other checks: through `CheckNumerics`, which the converter removes, and through checks that need
Select TF.

1. `CheckNumericsV2` is replaced by its input.
2. So is `EnsureShape`, if the static shape of its input already satisfies it.
3. Any other `EnsureShape` becomes a reshape to its shape, with unknown sizes taken from its input,
   so that the converter still knows the shape.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement:
    (checked,) = graph.data_inputs(node)
    is_of_shape = node.op == "EnsureShape"
    ensured = graph.static_tensors[node.name].shape if is_of_shape else tf.TensorShape(None)

    def unchecked(x: tf.Tensor) -> tf.Tensor:
        if x.shape.is_subtype_of(ensured):
            return x
        sizes = tf.shape(x)
        return tf.reshape(x, [sizes[i] if size is None else size for i, size in enumerate(ensured)])

    return Replacement((checked,), unchecked)


PASS = node_pass("checks", ["CheckNumericsV2", "EnsureShape"], _replacement)
