"""Rewrites searches in sorted boundaries as builtin ops.

`tft.bucketize` and similar functions search with `UpperBound`, and `tf.searchsorted` also with
`LowerBound`. Both search row i of the values [rows, m] in row i of the sorted boundaries [rows, n].

1. `UpperBound` counts the boundaries that a value is not below, so NaN comes after all of them. For
   32-bit floats and one row of constant boundaries that is `Bucketize`, which TFLite has. It also
   keeps the boundaries in an integer model, where the operands of a comparison are quantized.
2. `LowerBound` counts the boundaries below a value, so NaN comes before all of them. The count is
   the number of boundaries minus the number of negated boundaries that the negated value is not
   below, which rule 1 computes.
3. For integers, and for boundaries that are not constant or have several rows, each boundary is
   compared with each value.
4. Searches in other dtypes, or in constant boundaries that are not sorted, are not changed.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_DTYPES = (tf.float32, tf.int32, tf.int64)


def _replacement(graph: FlatGraph, search: NodeDef) -> Replacement | None:
    dtype = tf.dtypes.as_dtype(search.attr["T"].type)
    position_dtype = tf.dtypes.as_dtype(search.attr["out_type"].type)
    boundaries, values = graph.data_inputs(search)
    constant = graph.constant(boundaries)
    is_upper = search.op == "UpperBound"
    if dtype not in _DTYPES or (constant is not None and not _is_sorted(constant)):
        return None
    if dtype == tf.float32 and constant is not None and len(constant) == 1:
        position = _bucket(constant[0].tolist(), is_upper)
        return Replacement((values,), lambda x: tf.cast(position(x), position_dtype))
    compare = _count_not_above if is_upper else _count_below
    return Replacement((boundaries, values), lambda b, x: tf.cast(compare(b, x), position_dtype))


def _is_sorted(boundaries: np.ndarray) -> bool:
    return bool(np.all(boundaries[:, :-1] <= boundaries[:, 1:]))


def _bucket(boundaries: Sequence[float], is_upper: bool) -> Callable[[tf.Tensor], tf.Tensor]:
    if is_upper:
        return lambda values: tf.raw_ops.Bucketize(input=values, boundaries=boundaries)
    negated = [-boundary for boundary in reversed(boundaries)]
    return lambda values: len(negated) - tf.raw_ops.Bucketize(input=-values, boundaries=negated)


def _count_not_above(boundaries: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    # do not write "not below": the converter turns it into "greater or equal", which is false for
    # NaN
    above = tf.expand_dims(values, 2) < tf.expand_dims(boundaries, 1)
    return tf.shape(boundaries)[1] - _count(above)


def _count_below(boundaries: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    return _count(tf.expand_dims(boundaries, 1) < tf.expand_dims(values, 2))


def _count(found: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(found, tf.int32), axis=-1)


PASS = node_pass("search", ["UpperBound", "LowerBound"], _replacement)
