"""Which tensors of a signature have one element per example.

TensorFlow does not know the batch size, so the static shapes of a signature do not distinguish a
batch from, say, the words of all of its texts. Here the shapes are inferred once more, for a batch
of a size that no other dimension is likely to have: a tensor whose first dimension has that size is
a batch.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.nodes import constant_node
from tfx_tflite_component.graph.tables import FIND
from tfx_tflite_component.split.parse_ops import Layout, ParsedFeature

_SIZE = 9973
_SCOPE = "inferred_batch"
# ops that return one row per example, but have no shape function that says so
_REGROUPING = ("RaggedTensorToTensor", "SparseToDense")
_LIST_TO_TENSOR, _TENSOR_TO_LIST = "TensorListStack", "TensorListFromTensor"


@dataclasses.dataclass(frozen=True)
class BatchDimension:
    """The batch dimension of the tensors of a graph.

    Attributes:
        size: The batch size that shapes were inferred for.
        is_open: Whether the signature takes batches of any size.
        inferred: Dtype and shape of a tensor at that batch size.
        regrouped: The tensor that has the inferred shape of another one.
    """

    size: int
    is_open: bool
    inferred: Mapping[str, tf.TensorSpec]
    regrouped: Mapping[str, str]

    def spec(self, tensor: str) -> tf.TensorSpec | None:
        """Dtype and shape of a tensor with one element per example; None for any other tensor."""
        known = self.inferred[self.regrouped.get(tensor, tensor)]
        if not known.shape.rank or known.shape[0] != self.size:
            return None
        return tf.TensorSpec([None if self.is_open else self.size, *known.shape[1:]], known.dtype)


def batch_dimension(graph: FlatGraph, features: Iterable[ParsedFeature]) -> BatchDimension:
    """Infers the shapes of a signature's graph at a batch size.

    Args:
        graph: The graph of a signature.
        features: The features that it parses.
    """
    sizes = {spec.shape[0] for spec in graph.specs.values() if spec.shape.rank}
    size = _SIZE if None in sizes else next(iter(sizes), _SIZE)
    sized = _with_sparse_shapes(_with_inputs(graph, size), features, size)
    regrouped: dict[str, str] = {}
    while found := _regrouped(sized, size, regrouped):
        targets = {name: placeholder.name for name, placeholder in found.items()}
        sized = sized.redirected(targets, found.values())
        regrouped |= targets
    return BatchDimension(size, None in sizes, sized.static_tensors, regrouped)


def _with_inputs(graph: FlatGraph, size: int) -> FlatGraph:
    """The graph with a batch size in the signature's inputs."""
    nodes = dict(graph.nodes)
    for name, spec in graph.specs.items():
        if spec.shape.rank and spec.shape[0] is None:
            tensor = graph.inputs[name]
            nodes[tensor] = _placeholder(tensor, spec.dtype, [size, *spec.shape[1:]])
    return dataclasses.replace(graph, nodes=nodes)


def _with_sparse_shapes(
    graph: FlatGraph, features: Iterable[ParsedFeature], size: int
) -> FlatGraph:
    """The graph with a batch size in the dense shapes of the sparse features."""
    batch = constant_node(f"{_SCOPE}/size", np.asarray(size, np.int64))
    added, targets = [batch], {}
    for index, feature in enumerate(features):
        if feature.layout is Layout.SPARSE:
            longest = _placeholder(f"{_SCOPE}/longest/{index}", tf.int64, [])
            shape = NodeDef(name=f"{_SCOPE}/shape/{index}", op="Pack")
            shape.input[:] = [batch.name, longest.name]
            shape.attr["N"].i = 2
            shape.attr["T"].type = tf.int64.as_datatype_enum
            added += [longest, shape]
            targets[feature.tensors[2]] = shape.name
    return graph.redirected(targets, added)


def _regrouped(graph: FlatGraph, size: int, done: Collection[str]) -> dict[str, NodeDef]:
    """A placeholder for each tensor whose shape is known better than TensorFlow infers it."""
    found = {}
    for name, node in graph.nodes.items():
        shape = None if name in done else _shape(graph, node, size)
        if shape is not None:
            found[name] = _placeholder(f"{_SCOPE}/{name}", graph.static_tensors[name].dtype, shape)
    return found


def _shape(graph: FlatGraph, node: NodeDef, size: int) -> tf.TensorShape | None:
    """The shape of a node's output, if it has a batch dimension that TensorFlow does not infer."""
    if node.op == FIND:
        keys = graph.static_tensors[graph.data_inputs(node)[1]].shape
        return keys if keys.rank and graph.static_tensors[node.name].shape.rank is None else None
    if node.op in _REGROUPING or _stacks_a_batch(graph, node, size):
        shape = graph.static_tensors[node.name].shape
        return tf.TensorShape([size, *shape[1:]]) if shape.rank and shape[0] is None else None
    return None


def _stacks_a_batch(graph: FlatGraph, node: NodeDef, size: int) -> bool:
    """Whether a node stacks what a loop over the examples, as of `tf.map_fn`, computed."""
    if node.op != _LIST_TO_TENSOR:
        return False
    loop = graph.node(graph.data_inputs(node)[0])
    read = [graph.node(tensor) for tensor in graph.data_inputs(loop)]
    lists = [item for item in read if item.op == _TENSOR_TO_LIST]
    shapes = [graph.static_tensors[graph.data_inputs(item)[0]].shape for item in lists]
    return bool(shapes) and all(shape.rank and shape[0] == size for shape in shapes)


def _placeholder(name: str, dtype: tf.DType, shape: Iterable[int | None]) -> NodeDef:
    node = NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = dtype.as_datatype_enum
    node.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return node
