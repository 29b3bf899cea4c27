"""The nodes of a SavedModel that can run when it is loaded or its functions are called.

A SavedModel also has nodes that are never run here, such as the functions that save its checkpoint.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef, MetaGraphDef, TensorInfo
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.core.protobuf.saved_object_graph_pb2 import SavedObjectGraph

# The collections of ops that run after variables are restored, and TF1's list of assets.
_INIT_OPS = ("saved_model_main_op", "legacy_init_op")
_ASSETS = "saved_model_assets"


@dataclasses.dataclass(frozen=True)
class Body:
    """A list of nodes that run together.

    Attributes:
        name: The name of the function; empty for the graph of a TF1 SavedModel.
        nodes: The nodes that are run, by their names.
        arguments: The names of the function's arguments.
    """

    name: str
    nodes: Mapping[str, NodeDef]
    arguments: Sequence[str] = ()


def is_tf2(saved_model: SavedModel) -> bool:
    """Whether `tf.saved_model.load` reads the object graph, and not the graph of TF1."""
    graphs = saved_model.meta_graphs
    return len(graphs) == 1 and graphs[0].HasField("object_graph_def")


def executed_bodies(graph: MetaGraphDef, is_tf2: bool) -> list[Body]:
    """The bodies that can run when a SavedModel is loaded or one of its functions is called.

    Args:
        graph: A graph of the SavedModel.
        is_tf2: As `is_tf2` returns it for the SavedModel.
    """
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    bodies = [] if is_tf2 else [_executed_graph(graph)]
    left = [*(_restored_functions(graph.object_graph_def) if is_tf2 else _called_by(bodies))]
    seen: set[str] = set()
    while left:
        name = left.pop()
        if name in functions and name not in seen:
            seen.add(name)
            body = _body(functions[name])
            bodies.append(body)
            left += _called_by([body])
    return bodies


def called_functions(node: NodeDef) -> Iterator[str]:
    """The names of the functions that a node may call."""
    for attribute in node.attr.values():
        if attribute.HasField("func"):
            yield attribute.func.name
        yield from (function.name for function in attribute.list.func)


def assets(graph: MetaGraphDef) -> list[AssetFileDef]:
    """The assets of a graph, from both places in which TensorFlow looks for them."""
    found = [*graph.asset_file_def]
    for packed in graph.collection_def[_ASSETS].any_list.value if _has_assets(graph) else ():
        asset = AssetFileDef()
        packed.Unpack(asset)
        found.append(asset)
    return found


def _has_assets(graph: MetaGraphDef) -> bool:
    # reading a missing key of a protobuf map would add it
    return _ASSETS in graph.collection_def


def _body(function: FunctionDef) -> Body:
    arguments = [argument.name for argument in function.signature.input_arg]
    return Body(function.signature.name, {node.name: node for node in function.node_def}, arguments)


def _called_by(bodies: Sequence[Body]) -> Iterator[str]:
    for body in bodies:
        for node in body.nodes.values():
            yield from called_functions(node)


def _restored_functions(objects: SavedObjectGraph) -> Iterator[str]:
    """The functions of Python objects, some of which have no description of their own."""
    yield from objects.concrete_functions
    for node in objects.nodes:
        yield from node.function.concrete_functions
        yield node.bare_concrete_function.concrete_function_name


def _executed_graph(graph: MetaGraphDef) -> Body:
    """The nodes that TF1's loader runs: for signatures, the initialization and the variables."""
    nodes = {node.name: node for node in graph.graph_def.node}
    left = [node_name(tensor) for tensor in _fetched(graph)]
    found: dict[str, NodeDef] = {}
    while left:
        name = left.pop()
        if name in nodes and name not in found:
            found[name] = nodes[name]
            left += map(node_name, nodes[name].input)
    return Body("", found)


def _fetched(graph: MetaGraphDef) -> Iterator[str]:
    yield graph.saver_def.restore_op_name
    for name in _INIT_OPS:
        if name in graph.collection_def:
            yield from graph.collection_def[name].node_list.value
    for signature in graph.signature_def.values():
        for info in signature.outputs.values():
            yield from _tensors(info)


def _tensors(info: TensorInfo) -> Iterator[str]:
    """The names of the dense tensors that one output consists of."""
    yield info.name
    sparse = info.coo_sparse
    yield from (sparse.values_tensor_name, sparse.indices_tensor_name)
    yield sparse.dense_shape_tensor_name
    for component in info.composite_tensor.components:
        yield from _tensors(component)


def node_name(tensor: str) -> str:
    """The name of the node that computes an input of another node."""
    return tensor.removeprefix("^").partition(":")[0]
