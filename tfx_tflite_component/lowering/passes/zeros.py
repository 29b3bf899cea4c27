"""Leaves out sums with zeros, for 16-bit activations.

The converter gives zeros the scale 1, and with 16-bit activations, TFLite's `ADD` and `SUB` end the
process if the scale of an operand is much larger than that of the result. The offset of a new
normalization layer is zeros.

1. `x + 0`, `0 + x` and `x - 0` are `x`, if both have the same static shape.
2. Zeros are computed from constants and from variables that the model does not change.
"""

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    first, second = graph.data_inputs(node)
    if _are_zeros(graph, second) and _has_shape_of(graph, first, node):
        return Replacement((first,), tf.identity)
    is_sum = node.op != "Sub"
    if is_sum and _are_zeros(graph, first) and _has_shape_of(graph, second, node):
        return Replacement((second,), tf.identity)
    return None


def _has_shape_of(graph: FlatGraph, tensor: str, node: NodeDef) -> bool:
    """Whether a sum has the shape of an operand."""
    shape, result = graph.static_tensors[tensor].shape, graph.static_tensors[node.name].shape
    return shape.rank is not None and shape.as_list() == result.as_list()


def _are_zeros(graph: FlatGraph, tensor: str) -> bool:
    is_float = graph.static_tensors[tensor].dtype.is_floating
    if not is_float or graph.writes or not graph.depends_only_on(tensor, graph.captures):
        return False
    return not np.any(graph.evaluate([tensor], {})[0])


PASS = node_pass("zeros", ["Add", "AddV2", "Sub"], _replacement)
