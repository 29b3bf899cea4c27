"""Keeps integers at 32 bits that are widened to 64 bits unnecessarily.

TensorFlow's searches and comparisons return small integers, TF Transform outputs them as int64, and
Keras and ops that index convert them back to 32-bit integers or floats.

1. An integer is small if a `Cast` converted it to int64 from a boolean or from an integer of at
   most 32 bits, or if it is a position that `ArgMax` or `ArgMin` found. The results of
   `ExpandDims`, `Reshape` and `Squeeze` of small integers are small, too.
2. `Cast`, `GatherV2`, `OneHot` and `ResourceGather` compute the same result from a number in int64
   and in int32, so they read small integers as int32.
3. All other ops still read small integers as int64.
"""

import itertools

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement, applied

_SMALL = (tf.bool, tf.int8, tf.uint8, tf.int16, tf.uint16, tf.int32)
# the ops that make small integers, and the attribute for the dtype of their results
_MAKING = {"ArgMax": "output_type", "ArgMin": "output_type", "Cast": "DstT"}
_REARRANGING = ("ExpandDims", "Reshape", "Squeeze")
# the operand that takes integers of either width, and the attribute for its dtype
_READING = {
    "Cast": (0, "SrcT"),
    "GatherV2": (1, "Tindices"),
    "OneHot": (0, "TI"),
    "ResourceGather": (1, "Tindices"),
}


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    operand, attribute = _READING[node.op]
    if node.attr[attribute].type != tf.int64.as_datatype_enum:
        return None
    read = graph.data_inputs(node)
    small = _small(graph, read[operand])
    if not small:
        return None
    maker, *moves = small
    moved_by = [graph.data_inputs(move)[1:] for move in moves]
    sources = graph.data_inputs(maker)

    def build(*tensors: tf.Tensor) -> tf.Tensor:
        rests = iter(tensors)
        made_of = [next(rests) for _ in sources]
        others = [next(rests) for _ in read[1:]]
        number = applied(maker, *made_of, **{_MAKING[maker.op]: tf.int32})
        for move, by in zip(moves, moved_by, strict=True):
            number = applied(move, number, *(next(rests) for _ in by), T=tf.int32)
        operands = [*others[:operand], number, *others[operand:]]
        return applied(node, *operands, **{attribute: tf.int32})

    others = read[:operand] + read[operand + 1 :]
    return Replacement((*sources, *others, *itertools.chain(*moved_by)), build)


def _small(graph: FlatGraph, tensor: str) -> list[NodeDef]:
    """The op that makes a small integer int64, and what moves it up to a tensor; or nothing."""
    node = graph.node(tensor)
    if node.op == "Cast":
        return [node] if tf.dtypes.as_dtype(node.attr["SrcT"].type) in _SMALL else []
    if node.op in _MAKING:
        return [node]
    before = _small(graph, graph.data_inputs(node)[0]) if node.op in _REARRANGING else []
    return before and [*before, node]


PASS = node_pass("casts", _READING, _replacement)
