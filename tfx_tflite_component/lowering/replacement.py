"""Replaces ops of a graph by what TensorFlow functions compute."""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.nodes import rewired

_SCOPE = "lowered"


@dataclasses.dataclass(frozen=True)
class Replacement:
    """The replacement of an op.

    Attributes:
        operands: The tensors of the graph from which it is computed.
        build: Computes the op's only output from the operands, with TensorFlow's functions.
    """

    operands: tuple[str, ...]
    build: Callable[..., tf.Tensor]


def replace(graph: FlatGraph, replacements: Mapping[str, Replacement]) -> FlatGraph:
    """Replaces ops; each replacement keeps the op's name.

    Args:
        graph: The graph.
        replacements: The replacement of each op, by the op's name.
    """
    if not replacements:
        return graph
    built = tf.Graph()
    fed: dict[str, str] = {}
    with built.as_default():
        for name, replacement in replacements.items():
            # with a trailing slash, TensorFlow uses the scope unchanged
            with tf.name_scope(f"{name}/{_SCOPE}/"):
                operands = [
                    _placeholder(graph.static_tensors[tensor]) for tensor in replacement.operands
                ]
                result = replacement.build(*operands)
            tf.raw_ops.Identity(input=result, name=name)
            fed.update(
                (operand.op.name, tensor)
                for operand, tensor in zip(operands, replacement.operands, strict=True)
            )
    nodes = dict(graph.nodes)
    for node in built.as_graph_def().node:
        if node.name not in fed:
            nodes[node.name] = rewired(node, [fed.get(name, name) for name in node.input])
    return dataclasses.replace(graph, nodes=nodes)


def applied(node: NodeDef, *operands: tf.Tensor, **dtypes: tf.DType) -> tf.Tensor:
    """The first output of the same op on other operands.

    Args:
        node: The op.
        *operands: What it reads.
        **dtypes: Its attributes that name dtypes and are to be others.
    """
    attributes = dict(node.attr)
    attributes.pop("_class", None)
    for name, dtype in dtypes.items():
        attributes[name] = tf.compat.v1.AttrValue(type=dtype.as_datatype_enum)
    graph = tf.compat.v1.get_default_graph()
    return graph.create_op(node.op, list(operands), attrs=attributes).outputs[0]


def replaced(name: str) -> str:
    """The op that a node replaces, with others or by itself; the node if it replaces none."""
    return name.partition(f"/{_SCOPE}/")[0]


def _placeholder(spec: tf.TensorSpec) -> tf.Tensor:
    return tf.raw_ops.Placeholder(dtype=spec.dtype, shape=spec.shape)
