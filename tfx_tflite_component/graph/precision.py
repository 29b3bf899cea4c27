"""The precision that a signature computes in."""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import ConcreteFunction, NodeDef

_HALVES = (tf.bfloat16, tf.float16)
_PASSED_ON = ("Cast", "Const", "Identity", "Placeholder", "ReadVariableOp", "VarHandleOp")


def precision(signature: ConcreteFunction) -> tf.DType:
    """The least precise float dtype that a signature computes in.

    Args:
        signature: The signature, as `load_signature` gives it.

    Returns:
        bfloat16 or float16 if an op computes in it, and float32 otherwise.
    """
    graph = signature.graph.as_graph_def()
    bodies = (function.node_def for function in graph.library.function)
    found = {
        dtype for nodes in (graph.node, *bodies) for node in nodes for dtype in _computed_in(node)
    }
    return next((dtype for dtype in _HALVES if dtype.as_datatype_enum in found), tf.float32)


def _computed_in(node: NodeDef) -> set[int]:
    if node.op in _PASSED_ON or node.op.endswith("PartitionedCall"):
        return set()
    return {value.type for value in node.attr.values()}
