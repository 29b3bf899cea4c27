"""Normalizes by the statistics of a batch in single ops, for 16-bit activations.

tf_keras' `LayerNormalization` creates `FusedBatchNormV3` in training mode, which the converter
turns into `SQUARED_DIFFERENCE`: see the lowering `squared_differences`.

1. Mean and variance are taken over all axes but that of the channels.
2. A scale filled with 1 and an offset filled with 0, which are tf_keras' own, are left out.
3. Not changed are ops whose statistics are read as well, inputs of unknown rank, and dtypes other
   than float32.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    x, scale, offset, *_ = graph.data_inputs(node)
    spec = graph.static_tensors[x]
    rank, is_float = spec.shape.rank, spec.dtype == tf.float32
    if not node.attr["is_training"].b or not rank or not is_float or _has_statistics(graph, node):
        return None
    is_last = node.attr["data_format"].s == b"NHWC"
    channel = rank - 1 if is_last else 1
    axes = [axis for axis in range(rank) if axis != channel]
    shape = [-1 if axis == channel else 1 for axis in range(rank)]
    epsilon = node.attr["epsilon"].f
    has_scale, has_offset = not _is_filled(graph, scale, 1), not _is_filled(graph, offset, 0)

    def build(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        centered = x - tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(centered * centered, axes, keepdims=True)
        normal = centered * tf.math.rsqrt(variance + epsilon)
        scaled = normal * tf.reshape(scale, shape) if has_scale else normal
        return scaled + tf.reshape(offset, shape) if has_offset else scaled

    return Replacement((x, scale, offset), build)


def _is_filled(graph: FlatGraph, tensor: str, value: float) -> bool:
    node = graph.node(tensor)
    filled = graph.data_inputs(node)[1] if node.op == "Fill" else tensor
    constant = graph.constant(filled)
    return constant is not None and bool((constant == value).all())


def _has_statistics(graph: FlatGraph, node: NodeDef) -> bool:
    """Whether an output other than the first is used."""
    read = {tensor for other in graph.nodes.values() for tensor in other.input}
    return any(tensor.startswith(f"{node.name}:") for tensor in read | set(graph.outputs.values()))


PASS = node_pass("batch_statistics", ["FusedBatchNormV3"], _replacement)
