"""Turns counts of the integers in sparse and ragged rows into scatters of ones.

Keras' layers in the modes "multi_hot" and "count" create the ops `SparseBincount` for sparse inputs
and `RaggedBincount` for ragged inputs. `RaggedTensor.from_sparse` counts the values of each row
with a `DenseBincount` that has a bin for each row.

1. `ScatterNd` adds up the ones, or the weights, that fall into the same bin of the same row.
2. An integer that is not less than the number of bins adds zero to the first: TensorFlow does not
   count it. For negative integers, TensorFlow raises an error.
3. With `binary_output`, each nonempty bin is one, and weights are ignored.
4. A `DenseBincount` of several rows is not changed.
"""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement
from tfx_tflite_component.lowering.scattering import scattered

_DTYPES = (tf.float32, tf.int32, tf.int64)
# the integers, and, unless there is only one row, the row of each and the number of rows
_Rows: TypeAlias = tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]


def _is_lowered(graph: FlatGraph, node: NodeDef) -> bool:
    if tf.dtypes.as_dtype(node.attr["T"].type) not in _DTYPES:
        return False
    first = graph.static_tensors[graph.data_inputs(node)[0]].shape
    if node.op == "SparseBincount":
        return first.rank == 2 and first[1] == 2
    return first.rank == 1


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    if not _is_lowered(graph, node):
        return None
    *integers, bins, weights = graph.data_inputs(node)
    is_binary = node.attr["binary_output"].b
    has_weights = graph.static_tensors[weights].shape.num_elements() != 0
    is_weighted = has_weights and not is_binary

    def count(*operands: tf.Tensor) -> tf.Tensor:
        *integers, bins, weights = operands
        values, rows, shape = _RULES[node.op](*integers)
        is_counted = values < bins
        indices = tf.stack([*rows, tf.where(is_counted, values, 0)], axis=-1)
        added = weights if is_weighted else tf.ones_like(values, weights.dtype)
        sums = scattered(indices, tf.where(is_counted, added, 0), tf.stack([*shape, bins]))
        return tf.minimum(sums, 1) if is_binary else sums

    return Replacement((*integers, bins, weights), count)


def _of_sparse(indices: tf.Tensor, values: tf.Tensor, shape: tf.Tensor) -> _Rows:
    dtype = values.dtype
    return values, [tf.cast(indices[:, 0], dtype)], [tf.cast(shape[0], dtype)]


def _of_ragged(row_splits: tf.Tensor, values: tf.Tensor) -> _Rows:
    lengths = row_splits[1:] - row_splits[:-1]
    rows = tf.where(tf.sequence_mask(lengths))[:, 0]
    return values, [tf.cast(rows, values.dtype)], [tf.size(lengths, values.dtype)]


def _of_vector(values: tf.Tensor) -> _Rows:
    return values, [], []


_RULES: dict[str, Callable[..., _Rows]] = {
    "DenseBincount": _of_vector,
    "RaggedBincount": _of_ragged,
    "SparseBincount": _of_sparse,
}


PASS = node_pass("sparse_counts", _RULES, _replacement)
