"""Turns bin counts into reductions of one-hot rows.

Keras' `CategoryEncoding`, and its other layers in the modes "one_hot", "multi_hot" and "count",
call `tf.math.bincount` with the same minlength and maxlength. This creates the op `DenseBincount`,
which counts the integers of a vector or of each row of a matrix.

1. The number of bins must be constant: it is computed by `Minimum` and `Maximum`, and the constants
   among their operands limit its range to one number. Then the other operands do not matter.
2. Each integer becomes a row with a 1 in its bin. An integer that is not less than the number of
   bins has no 1 in its row, so it is not counted, as in TensorFlow. TensorFlow raises an error
   for negative integers; here they are not counted.
3. With `binary_output`, the result is the maximum of the rows and weights are ignored; otherwise,
   it is their sum. With weights, which have the shape of the integers, a row holds the weight
   instead of the 1. The weight is selected, not multiplied, so that a NaN or infinite weight
   reaches only its own bin.
4. The order in which floats are summed is TFLite's.
5. Any other `DenseBincount` is not changed.
"""

from collections.abc import Callable

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_DTYPES = (tf.float32, tf.int32, tf.int64)
_UNKNOWN = (float("-inf"), float("inf"))
_CLIPS: dict[str, Callable[..., float]] = {"Minimum": min, "Maximum": max}


def _replacement(graph: FlatGraph, count: NodeDef) -> Replacement | None:
    values, size, weights = graph.data_inputs(count)
    known = graph.static_tensors
    fewest, most = _range(graph, size)
    if fewest != most or known[values].shape.rank not in (1, 2):
        return None
    bins, dtype = int(fewest), known[weights].dtype
    if dtype not in _DTYPES:
        return None
    if count.attr["binary_output"].b:
        return Replacement((values,), lambda x: _largest(_rows(x, bins, dtype)))
    if known[weights].shape.num_elements() == 0:
        return Replacement((values,), lambda x: tf.reduce_sum(_rows(x, bins, dtype), axis=-2))
    return Replacement((values, weights), lambda x, w: _weighted_sum(x, w, bins))


def _range(graph: FlatGraph, tensor: str) -> tuple[float, float]:
    """The known range of a number."""
    constant = graph.constant(tensor)
    if constant is not None:
        return float(constant), float(constant)
    node = graph.node(tensor)
    if node.op not in _CLIPS:
        return _UNKNOWN
    clip = _CLIPS[node.op]
    fewest, most = zip(
        *(_range(graph, operand) for operand in graph.data_inputs(node)), strict=True
    )
    return clip(fewest), clip(most)


def _rows(values: tf.Tensor, bins: int, dtype: tf.DType) -> tf.Tensor:
    if values.dtype == tf.int64:
        # TFLite's OneHot reads only the low 32 bits
        values = tf.cast(tf.minimum(values, bins), tf.int32)
    return tf.one_hot(values, bins, on_value=tf.ones([], dtype), off_value=tf.zeros([], dtype))


def _largest(rows: tf.Tensor) -> tf.Tensor:
    largest = tf.reduce_max(rows, axis=-2)
    # zero rows have no maximum
    return largest if rows.shape[-2] else tf.maximum(largest, 0)


def _weighted_sum(values: tf.Tensor, weights: tf.Tensor, bins: int) -> tf.Tensor:
    chosen = _rows(values, bins, tf.bool)
    return tf.reduce_sum(tf.where(chosen, tf.expand_dims(weights, -1), 0), axis=-2)


PASS = node_pass("bincount", ["DenseBincount"], _replacement)
