"""Nodes of a graph: copies that read other tensors, and constants."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef


def rewired(node: NodeDef, inputs: Sequence[str], name: str | None = None) -> NodeDef:
    """A copy of a node that reads other tensors.

    It is not colocated with any node: that node may be left behind.

    Args:
        node: The node.
        inputs: The tensors that the copy reads.
        name: The name of the copy; None keeps the node's own.
    """
    copy = NodeDef()
    copy.CopyFrom(node)
    copy.name = name or node.name
    copy.input[:] = inputs
    copy.attr.pop("_class", None)
    return copy


def constant_node(name: str, value: np.ndarray) -> NodeDef:
    """A node that holds a constant."""
    node = NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.dtypes.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node
