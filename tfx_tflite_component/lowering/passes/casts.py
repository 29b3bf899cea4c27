"""Keeps integers that are widened to 64 bits without need at 32.

TensorFlow's searches and comparisons give small integers, TF Transform hands them over as int64,
and Keras and the ops that index make 32-bit integers or floats of them again.

1. An integer is small if a `Cast` has made it int64 of a boolean or of an integer of at most 32
   bits; so is what `ExpandDims`, `Reshape` and `Squeeze` make of small ones.
2. What `Cast`, `GatherV2`, `OneHot` and `ResourceGather` make of an int64 number, they also make of
   the same number in 32 bits: they read small integers as int32.
3. Whatever else reads a small integer still reads it as int64.
"""

import dataclasses

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef

_SMALL = (tf.bool, tf.int8, tf.uint8, tf.int16, tf.uint16, tf.int32)
_REARRANGING = ("ExpandDims", "Reshape", "Squeeze")
# which operand takes integers of either width, and the attribute that says which width
_READING = {
    "Cast": (0, "SrcT"),
    "GatherV2": (1, "Tindices"),
    "OneHot": (0, "TI"),
    "ResourceGather": (1, "Tindices"),
}
_SUFFIX = "/int32"


def keep_small_integers(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Makes the ops that can read small integers as int32.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the ops that read int32 instead of int64.
    """
    nodes = dict(graph.nodes)
    rewritten = []
    for name, node in graph.nodes.items():
        operand, attribute = _READING.get(node.op, (0, ""))
        if not attribute or node.attr[attribute].type != tf.int64.as_datatype_enum:
            continue
        small = _small(graph, graph.data_inputs(node)[operand])
        if small:
            nodes |= {added.name: added for added in small}
            nodes[name] = _reading_int32(node, name, operand, attribute, small[-1].name)
            rewritten.append(name)
    return dataclasses.replace(graph, nodes=nodes), sorted(rewritten)


def _small(graph: FlatGraph, tensor: str) -> list[NodeDef]:
    """What computes a small integer as int32, in order; nothing if it is not small."""
    node = graph.node(tensor)
    name = node.name + _SUFFIX
    if node.op == "Cast" and tf.dtypes.as_dtype(node.attr["SrcT"].type) in _SMALL:
        cast = NodeDef()
        cast.CopyFrom(node)
        cast.name, cast.attr["DstT"].type = name, tf.int32.as_datatype_enum
        return [cast]
    if node.op in _REARRANGING:
        before = _small(graph, graph.data_inputs(node)[0])
        return before and [*before, _reading_int32(node, name, 0, "T", before[-1].name)]
    return []


def _reading_int32(node: NodeDef, name: str, operand: int, attribute: str, tensor: str) -> NodeDef:
    copy = NodeDef()
    copy.CopyFrom(node)
    copy.name, copy.input[operand] = name, tensor
    copy.attr[attribute].type = tf.int32.as_datatype_enum
    return copy
