"""Selects between the two values of a one-hot, for 8-bit activations.

The converter quantizes the two values of a float `ONE_HOT`, 1 and 0, each with a scale of its own,
and the result with another. TFLite copies the integers without converting them, so that 0 and 1
become other numbers.

1. `OneHot` of booleans and `SelectV2` of the two values compute the same, and all float tensors of
   a `SELECT_V2` have one scale.
2. Dtypes other than float32 are not changed.
"""

import functools

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    operands = tuple(graph.data_inputs(node))
    if graph.static_tensors[node.name].dtype != tf.float32:
        return None
    return Replacement(operands, functools.partial(_selected, axis=node.attr["axis"].i))


def _selected(
    indices: tf.Tensor, depth: tf.Tensor, on: tf.Tensor, off: tf.Tensor, axis: int
) -> tf.Tensor:
    chosen = tf.raw_ops.OneHot(
        indices=indices, depth=depth, on_value=True, off_value=False, axis=axis
    )
    return tf.where(chosen, on, off)


PASS = node_pass("one_hot", ["OneHot"], _replacement)
"""The lowering."""
