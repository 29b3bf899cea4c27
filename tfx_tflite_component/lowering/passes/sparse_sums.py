"""Makes sums over sparse tensors sums over dense ones.

`tf.sparse.reduce_sum` writes `SparseReduceSum`, and TFLite has `ScatterNd`.

1. `ScatterNd` puts each value into its place among zeros, and adds up those that share one.
2. The sum over axes of that is the sum of the sparse values, as what is added to it are zeros.
3. Floats are summed in whatever order TFLite sums them.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.replacement import Replacement, replace
from tfx_tflite_component.lowering.scattering import scattered

_DTYPES = (tf.float32, tf.int32, tf.int64)


def lower_sparse_sums(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Replaces each sum over a sparse tensor by the sum over a dense one.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the sums that were replaced.
    """
    replacements = {
        name: _replacement(graph, node)
        for name, node in graph.nodes.items()
        if node.op == "SparseReduceSum" and tf.dtypes.as_dtype(node.attr["T"].type) in _DTYPES
    }
    return replace(graph, replacements), sorted(replacements)


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement:
    def add_up(
        indices: tf.Tensor, values: tf.Tensor, shape: tf.Tensor, axes: tf.Tensor
    ) -> tf.Tensor:
        dense = scattered(indices, values, shape)
        return tf.reduce_sum(dense, axes, keepdims=node.attr["keep_dims"].b)

    return Replacement(tuple(graph.data_inputs(node)), add_up)
