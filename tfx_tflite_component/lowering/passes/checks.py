"""Takes out checks that values pass through.

Assertions hold other ops back by control dependencies, of which the tail has none. Values pass
through `CheckNumerics`, which the converter leaves out, and through others, which need Select TF.

1. `CheckNumericsV2` is what it checks.
2. So is `EnsureShape`, if as much is known of the shape as it ensures.
3. Otherwise `EnsureShape` becomes a reshape to that shape, which takes the sizes that are left open
   from what it checks: so the converter still learns what it ensured.
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
