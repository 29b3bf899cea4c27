"""Inserts new axes by an op that takes any shape.

`x[..., tf.newaxis]` creates the op `StridedSlice`. The converter turns it into `RESHAPE`, which can
compute one unknown size, and TFLite's own `STRIDED_SLICE` takes at most 5 dimensions.

1. The slice is taken without the new axes, or omitted if it takes the whole tensor.
2. Each new axis is inserted by `ExpandDims`, whose builtin form takes any shape.
3. Not changed are slices of tensors of unknown rank or by bounds that are computed when the model
   runs, and slices that the converter supports: of at most 5 dimensions with at most one unknown
   size.
"""

from collections.abc import Sequence
from types import EllipsisType
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_MOST_DIMENSIONS = 5
_ALL = slice(None)

_Index: TypeAlias = EllipsisType | slice | int | None


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    sliced, *bounds = graph.data_inputs(node)
    shape = graph.static_tensors[sliced].shape
    constants = [graph.constant(bound) for bound in bounds]
    if not node.attr["new_axis_mask"].i or shape.rank is None:
        return None
    begin, end, strides = constants
    if begin is None or end is None or strides is None:
        return None
    indices = _indices(node, begin, end, strides)
    result = shape.rank + indices.count(None)
    if shape.as_list().count(None) <= 1 and result <= _MOST_DIMENSIONS:
        return None
    axes = _new_axes(indices, shape.rank)

    def build(x: tf.Tensor) -> tf.Tensor:
        kept = [index for index in indices if index is not None]
        taken = x if all(index in (_ALL, ...) for index in kept) else x[tuple(kept)]
        for axis in axes:
            taken = tf.expand_dims(taken, axis)
        return taken

    return Replacement((sliced,), build)


def _indices(
    node: NodeDef, begin: np.ndarray, end: np.ndarray, strides: np.ndarray
) -> list[_Index]:
    """The index expression in the brackets."""

    def is_set(mask: str, position: int) -> bool:
        return bool(node.attr[mask].i >> position & 1)

    indices: list[_Index] = []
    for i in range(len(begin)):
        if is_set("ellipsis_mask", i):
            indices.append(...)
        elif is_set("new_axis_mask", i):
            indices.append(None)
        elif is_set("shrink_axis_mask", i):
            indices.append(int(begin[i]))
        else:
            start = None if is_set("begin_mask", i) else int(begin[i])
            stop = None if is_set("end_mask", i) else int(end[i])
            step = int(strides[i])
            indices.append(slice(start, stop, None if step == 1 else step))
    return indices


def _new_axes(indices: Sequence[_Index], rank: int) -> list[int]:
    """The positions of the new axes in the result, in ascending order."""
    named = sum(index is not None and index is not ... for index in indices)
    axes, position = [], 0
    for index in indices:
        if index is None:
            axes.append(position)
        if index is ...:
            position += rank - named
        elif not isinstance(index, int):
            position += 1
    return axes


PASS = node_pass("new_axes", ["StridedSlice"], _replacement)
