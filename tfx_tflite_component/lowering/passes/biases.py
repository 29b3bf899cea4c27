"""Adds biases as vectors, for 16-bit activations.

Keras 3's transposed convolutions add a bias of shape [1, 1, 1, channels]. With one channel, the
converter fuses it into the convolution as it is, and rejects it there: it expects a vector.

1. A sum of a convolution and a tensor whose axes have size 1, but for the channels, is a `BiasAdd`.
2. Not changed are convolutions whose channels are not the last axis.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_CONVOLUTIONS = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative")


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    first, second = graph.data_inputs(node)
    for convolved, bias in ((first, second), (second, first)):
        if _is_bias(graph, convolved, bias):
            return Replacement(
                (convolved, bias), lambda x, b: tf.nn.bias_add(x, tf.reshape(b, [-1]))
            )
    return None


def _is_bias(graph: FlatGraph, convolved: str, bias: str) -> bool:
    node = graph.node(convolved)
    if node.op not in _CONVOLUTIONS or node.attr["data_format"].s != b"NHWC":
        return False
    channels = graph.static_tensors[convolved].shape[-1]
    shape = graph.static_tensors[bias].shape
    return channels is not None and shape.rank == 4 and shape.as_list() == [1, 1, 1, channels]


PASS = node_pass("biases", ["Add", "AddV2"], _replacement)
