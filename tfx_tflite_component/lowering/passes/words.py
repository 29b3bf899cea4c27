"""Applies string ops to a sparse tensor's values before it is made dense.

TFLite's `SparseToDense` works for numbers, but not for strings.

1. A lookup, or a comparison with one string, is elementwise. So it can be applied to the values of
   a sparse tensor and to the default that fills the gaps, and its result is made dense.
2. `ExpandDims`, `Reshape`, `Squeeze` and `StridedSlice` in between move strings without reading
   them, and so they can be applied to the result instead.
3. `Shape` and `Size` return the same for zeros instead of strings.
4. All other ops that read dense strings, and lookups that return strings, are not changed.
"""

import itertools
from collections.abc import Sequence

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.tables import FIND
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement, applied

_MOVING = ("ExpandDims", "Reshape", "Squeeze", "StridedSlice")
_MEASURING = ("Shape", "Size")
_COMPARING = ("Equal", "NotEqual")
_FOUND = (tf.bool, tf.float32, tf.int32, tf.int64)


def _makes_words_dense(node: NodeDef) -> bool:
    return node.op == "SparseToDense" and node.attr["T"].type == tf.string.as_datatype_enum


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    read = graph.data_inputs(node)
    for position in _positions_of_words(graph, node, read):
        way = _way_from_sparse(graph, read[position])
        if way:
            return _before_dense(graph, node, position, way)
    return None


def _positions_of_words(graph: FlatGraph, node: NodeDef, read: Sequence[str]) -> Sequence[int]:
    """The operands that an op reads elementwise, by rules 1 and 3."""
    if node.op in _MEASURING:
        return [0]
    if node.op == FIND and tf.dtypes.as_dtype(node.attr["Tout"].type) in _FOUND:
        return [1]
    if node.op in _COMPARING:
        known = graph.static_tensors
        return [i for i, other in enumerate(reversed(read)) if known[other].shape.rank == 0]
    return []


def _way_from_sparse(graph: FlatGraph, tensor: str) -> list[NodeDef]:
    """The op that makes strings dense, and the ops that move them up to a tensor; or empty."""
    node = graph.node(tensor)
    if _makes_words_dense(node):
        return [node]
    before = _way_from_sparse(graph, graph.data_inputs(node)[0]) if node.op in _MOVING else []
    return before and [*before, node]


def _before_dense(
    graph: FlatGraph, node: NodeDef, position: int, way: Sequence[NodeDef]
) -> Replacement:
    sparse, *moves = way
    others = graph.data_inputs(node)
    del others[position]
    moved_by = [graph.data_inputs(move)[1:] for move in moves]

    def build(
        indices: tf.Tensor, shape: tf.Tensor, words: tf.Tensor, default: tf.Tensor, *rest: tf.Tensor
    ) -> tf.Tensor:
        rests = iter(rest)
        operands = [next(rests) for _ in others]

        def made_of(x: tf.Tensor) -> tf.Tensor:
            # a lookup op does not state that it returns one value per string
            made = applied(node, *operands[:position], x, *operands[position:])
            return tf.reshape(made, tf.shape(x))

        if node.op in _MEASURING:
            # the converter reads the shape of the filled tensor from the shape operand, of any
            # dtype
            dense = tf.zeros(tf.cast(shape, graph.static_tensors[node.name].dtype), tf.int32)
        else:
            dense = _dense(indices, shape, made_of(words), made_of(default))
        for move, by in zip(moves, moved_by, strict=True):
            dense = applied(move, dense, *(next(rests) for _ in by), T=dense.dtype)
        return applied(node, dense, T=dense.dtype) if node.op in _MEASURING else dense

    operands = [*graph.data_inputs(sparse), *others]
    return Replacement((*operands, *itertools.chain(*moved_by)), build)


def _dense(
    indices: tf.Tensor, shape: tf.Tensor, values: tf.Tensor, default: tf.Tensor
) -> tf.Tensor:
    if values.dtype == tf.bool:
        # TFLite's SparseToDense does not support booleans
        numbers = [tf.cast(x, tf.int32) for x in (values, default)]
        return tf.cast(_dense(indices, shape, *numbers), tf.bool)
    return tf.raw_ops.SparseToDense(
        sparse_indices=indices, output_shape=shape, sparse_values=values, default_value=default
    )


PASS = node_pass("words", (*_MEASURING, *_COMPARING, FIND), _replacement)
