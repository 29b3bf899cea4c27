"""Sets the shapes of the results of conditions."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.nodes import constant_node

_CONDITIONS = ("If", "StatelessIf")


def shape_conditions(graph: FlatGraph) -> FlatGraph:
    """Sets the known shapes on the results of conditions.

    The converter reads the shapes of the branches' results. If these do not state the rank, it
    stays unknown, and ops that broadcast would drop a batch dimension of size 1.

    Args:
        graph: The graph of a signature.
    """
    results = dict(_results(graph))
    if not results:
        return graph
    shaped = {name: f"{name.replace(':', '_')}/shaped" for name in results}
    added = []
    for name, result in results.items():
        sizes = [-1 if size is None else size for size in result.shape]
        shape = constant_node(f"{shaped[name]}/shape", np.asarray(sizes, np.int32))
        reshape = NodeDef(name=shaped[name], op="Reshape", input=[name, shape.name])
        reshape.attr["T"].type = result.dtype.as_datatype_enum
        added += [shape, reshape]
    return graph.redirected(shaped, added)


def _results(graph: FlatGraph) -> Iterator[tuple[str, tf.TensorSpec]]:
    """The results of conditions whose shapes have at most one unknown size."""
    if not any(node.op in _CONDITIONS for node in graph.nodes.values()):
        return
    for name, result in graph.static_tensors.items():
        is_result = graph.node(name).op in _CONDITIONS
        if is_result and result.shape.rank and result.shape.as_list().count(None) <= 1:
            yield name, result
