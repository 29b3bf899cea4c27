"""Turns sums over sparse tensors into sums over dense tensors.

`tf.sparse.reduce_sum` creates the op `SparseReduceSum`. TFLite lacks it and has `ScatterNd`.

1. `ScatterNd` writes each value to its place among zeros, and adds up values with the same place.
2. The sum over axes of the result is the sum of the sparse values, because all other elements are
   zero.
3. The order in which floats are summed is TFLite's.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement
from tfx_tflite_component.lowering.scattering import scattered

_DTYPES = (tf.float32, tf.int32, tf.int64)


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    if tf.dtypes.as_dtype(node.attr["T"].type) not in _DTYPES:
        return None

    def add_up(
        indices: tf.Tensor, values: tf.Tensor, shape: tf.Tensor, axes: tf.Tensor
    ) -> tf.Tensor:
        dense = scattered(indices, values, shape)
        return tf.reduce_sum(dense, axes, keepdims=node.attr["keep_dims"].b)

    return Replacement(tuple(graph.data_inputs(node)), add_up)


PASS = node_pass("sparse_sums", ["SparseReduceSum"], _replacement)
