"""Makes sums over sparse tensors sums over dense ones.

`tf.sparse.reduce_sum` writes `SparseReduceSum`, and TFLite has `ScatterNd`.

1. `ScatterNd` puts each value into its place among zeros, and adds up those that share one.
2. The sum over axes of that is the sum of the sparse values, as what is added to it are zeros.
3. Floats are summed in whatever order TFLite sums them.
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
