"""Makes sizes that are known before the model runs constants.

1. `Shape`, and `StridedSlice` of it by constants, give sizes of a tensor. If its static shape has
   all of them, they are constant.
2. Sizes of which any is known only when the model runs are left alone.

What is computed of sizes, such as the scale of a resized image, is then constant for the other
lowerings.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.static_tensors import static_tensors
from tfx_tflite_component.lowering.replacement import Replacement, replace

_UNKNOWN = -1


def fold_sizes(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Replaces sizes that are known by constants.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the ops that gave the sizes.
    """
    known = static_tensors(graph)
    sizes = {
        name: _sizes(graph, known, node)
        for name, node in graph.nodes.items()
        if node.op in ("Shape", "StridedSlice")
    }
    replacements = {
        name: _constant(found)
        for name, found in sizes.items()
        if found is not None and np.all(found != _UNKNOWN)
    }
    return replace(graph, replacements), sorted(replacements)


def _sizes(graph: FlatGraph, known: Callable[[str], tf.Tensor], node: NodeDef) -> np.ndarray | None:
    """What an op gives for the static shape; None if it gives something else than sizes."""
    shape = node if node.op == "Shape" else graph.node(graph.data_inputs(node)[0])
    if shape.op != "Shape" or not graph.depends_only_on(node.name, [shape.name]):
        return None
    static = known(graph.data_inputs(shape)[0]).shape
    sizes = [] if static.rank is None else [_UNKNOWN if size is None else size for size in static]
    if set(sizes) <= {_UNKNOWN}:
        return None
    fed = {shape.name: tf.constant(sizes, tf.dtypes.as_dtype(shape.attr["out_type"].type))}
    (given,) = tf.function(lambda: graph.import_part([node.name], fed), autograph=False)()
    return np.asarray(given.numpy())


def _constant(value: np.ndarray) -> Replacement:
    return Replacement((), lambda: tf.constant(value))
