"""Turns sizes that are known before the model runs into constants.

1. `Shape`, and `StridedSlice` of it by constants, return sizes of a tensor. If its static shape has
   all of these sizes, they become constants.
2. An op with any size that is known only when the model runs is not changed.

Values computed from sizes, such as the scale of a resized image, are then constant for the other
lowerings.
"""

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_UNKNOWN = -1


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    sizes = _sizes(graph, node)
    if sizes is None or np.any(sizes == _UNKNOWN):
        return None
    return Replacement((), lambda: tf.constant(sizes))


def _sizes(graph: FlatGraph, node: NodeDef) -> np.ndarray | None:
    """The sizes that an op returns for a static shape; None if it does not return sizes."""
    shape = node if node.op == "Shape" else graph.node(graph.data_inputs(node)[0])
    if shape.op != "Shape" or not graph.depends_only_on(node.name, [shape.name]):
        return None
    static = graph.static_tensors[graph.data_inputs(shape)[0]].shape
    sizes = [] if static.rank is None else [_UNKNOWN if size is None else size for size in static]
    if set(sizes) <= {_UNKNOWN}:
        return None
    dtype = tf.dtypes.as_dtype(shape.attr["out_type"].type)
    if node is shape:
        return np.array(sizes, dtype.as_numpy_dtype)
    return graph.evaluate([node.name], {shape.name: tf.constant(sizes, dtype)})[0]


PASS = node_pass("sizes", ["Shape", "StridedSlice"], _replacement)
