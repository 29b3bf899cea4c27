"""Puts what TensorFlow functions compute in the place of a graph's ops."""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.static_tensors import static_tensors

_SCOPE = "lowered"


@dataclasses.dataclass(frozen=True)
class Replacement:
    """What an op is replaced by.

    Attributes:
        operands: The tensors of the graph that it is computed from.
        build: The operands into the op's only output, with TensorFlow's functions.
    """

    operands: tuple[str, ...]
    build: Callable[..., tf.Tensor]


def replace(graph: FlatGraph, replacements: Mapping[str, Replacement]) -> FlatGraph:
    """Replaces ops, each of which keeps its name.

    Args:
        graph: The graph.
        replacements: What to replace each op by, by the op's name.
    """
    if not replacements:
        return graph
    known = static_tensors(graph)
    built = tf.Graph()
    fed: dict[str, str] = {}
    with built.as_default():
        for name, replacement in replacements.items():
            # with a slash at its end, the scope is taken as it is
            with tf.name_scope(f"{name}/{_SCOPE}/"):
                operands = [_placeholder(known(tensor)) for tensor in replacement.operands]
                result = replacement.build(*operands)
            tf.raw_ops.Identity(input=result, name=name)
            fed.update(
                (operand.op.name, tensor)
                for operand, tensor in zip(operands, replacement.operands, strict=True)
            )
    nodes = dict(graph.nodes)
    for node in built.as_graph_def().node:
        if node.name not in fed:
            nodes[node.name] = _reading(node, fed)
    return dataclasses.replace(graph, nodes=nodes)


def _placeholder(tensor: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.Placeholder(dtype=tensor.dtype, shape=tensor.shape)


def _reading(node: NodeDef, fed: Mapping[str, str]) -> NodeDef:
    copy = NodeDef()
    copy.CopyFrom(node)
    copy.input[:] = [fed.get(name, name) for name in node.input]
    return copy
