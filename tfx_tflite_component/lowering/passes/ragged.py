"""Makes ragged tensors dense by way of sparse tensors.

`RaggedTensor.to_tensor` creates the op `RaggedTensorToTensor`. TFLite lacks it and has
`SparseToDense`.

1. The values of a row are contiguous and come first in the dense row. The default fills the rest of
   the row.
2. The length of a row is the difference of its row splits, or the number of values with its row id.
3. A requested shape truncates or pads rows and the number of rows.
4. Not changed are values with inner dimensions, nested ragged rows, and a shape that is computed
   when the model runs.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement
from tfx_tflite_component.lowering.scattering import scattered

_PARTITIONS = ([b"ROW_SPLITS"], [b"FIRST_DIM_SIZE", b"VALUE_ROWIDS"])


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    known = graph.static_tensors
    shape, values, default, *partition = graph.data_inputs(node)
    asked = graph.constant(shape)
    is_flat = known[values].shape.rank == 1 and known[default].shape.rank == 0
    if asked is None or not is_flat or node.attr["row_partition_types"].list.s not in _PARTITIONS:
        return None
    rows, columns = np.broadcast_to(asked, [2])

    def dense(values: tf.Tensor, default: tf.Tensor, *partition: tf.Tensor) -> tf.Tensor:
        lengths = _lengths(partition)
        # zero rows have no maximum length
        longest = tf.reduce_max(tf.concat([lengths, [0]], axis=0))
        size = tf.stack([tf.maximum(tf.size(lengths), rows), tf.maximum(longest, columns)])
        filled = tf.raw_ops.SparseToDense(
            sparse_indices=tf.where(tf.sequence_mask(lengths, size[1])),
            output_shape=tf.cast(size, tf.int64),
            sparse_values=values,
            default_value=default,
        )
        return filled[: rows if rows >= 0 else None, : columns if columns >= 0 else None]

    return Replacement((values, default, *partition), dense)


def _lengths(partition: Sequence[tf.Tensor]) -> tf.Tensor:
    """The lengths of the rows, int32."""
    if len(partition) == 1:
        return tf.cast(partition[0][1:] - partition[0][:-1], tf.int32)
    count, row_of_value = (tf.cast(tensor, tf.int32) for tensor in partition)
    return scattered(row_of_value[:, tf.newaxis], tf.ones_like(row_of_value), tf.stack([count]))


PASS = node_pass("ragged", ["RaggedTensorToTensor"], _replacement)
