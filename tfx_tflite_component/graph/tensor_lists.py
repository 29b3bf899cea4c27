"""Sets the batch size of the lists in which recurrent layers keep their steps.

A recurrent layer reads and writes one element of a list at each step. It was traced for any batch
size, so the elements of the list have the shape [None, units], and the converter turns lists into
builtin ops only if the shape of their elements is known. If only the first size is unknown, it is
the batch size.
"""

import dataclasses

import numpy as np

from tfx_tflite_component.graph.flat_graph import FlatGraph
from tfx_tflite_component.graph.nodes import constant_node, rewired

_ELEMENT_SHAPE_INPUT = {"TensorListReserve": 0, "TensorListFromTensor": 1, "TensorListStack": 1}


def with_batch_size(graph: FlatGraph, batch_size: int) -> FlatGraph:
    """A graph in which the elements of lists have a fixed batch size.

    Args:
        graph: The graph of a signature.
        batch_size: The batch size of the tail.
    """
    nodes = dict(graph.nodes)
    for node in graph.nodes.values():
        if node.op not in _ELEMENT_SHAPE_INPUT:
            continue
        position = _ELEMENT_SHAPE_INPUT[node.op]
        shape = graph.constant(node.input[position])
        if shape is not None and _is_of_batches(shape):
            known = np.concatenate([[batch_size], shape[1:]]).astype(shape.dtype)
            constant = constant_node(f"{node.name}/element_shape/{batch_size}", known)
            nodes[constant.name] = constant
            inputs = [*node.input[:position], constant.name, *node.input[position + 1 :]]
            nodes[node.name] = rewired(node, inputs)
    return dataclasses.replace(graph, nodes=nodes)


def has_open_elements(graph: FlatGraph, tensor: str) -> bool:
    """Whether a tensor is a list that does not know the shape of its elements."""
    node = graph.node(tensor)
    if node.op not in _ELEMENT_SHAPE_INPUT:
        return False
    shape = graph.constant(node.input[_ELEMENT_SHAPE_INPUT[node.op]])
    return shape is None or bool((shape < 0).any())


def _is_of_batches(shape: np.ndarray) -> bool:
    return shape.size > 1 and shape[0] == -1 and bool((shape[1:] >= 0).all())
