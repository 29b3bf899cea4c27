"""A signature as one flat graph, and the import of parts of it into other functions."""

import dataclasses
import functools
import re
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef, FunctionDefLibrary
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.framework.versions_pb2 import VersionDef
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, rewriter_config_pb2

from tfx_tflite_component.errors import SplitError, listed
from tfx_tflite_component.graph.nodes import rewired
from tfx_tflite_component.graph.state import handles, keep_state
from tfx_tflite_component.tensorflow_internals import argument_names, optimize_graph

ConcreteFunction: TypeAlias = tf.types.experimental.ConcreteFunction

_NO_VALUES = (tf.resource, tf.variant)
_CALLS = re.compile(r"(^|(?<=/))(Stateful)?PartitionedCall(_\d+)?/")
_flattened: "weakref.WeakKeyDictionary[ConcreteFunction, FlatGraph]" = weakref.WeakKeyDictionary()
_PASSED_ON = ("Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot")


@dataclasses.dataclass(frozen=True)
class FlatGraph:
    """A signature's graph with every function call inlined and the variables left as captures.

    Tensors are identified by their names in a GraphDef: `node` for a node's first output, `node:1`
    for the second.

    Attributes:
        library: The bodies of functional control flow.
        versions: The versions of the ops.
        nodes: The graph's nodes by name.
        inputs: The tensor of each input of the signature.
        specs: The shape and dtype of each input of the signature.
        outputs: The tensor of each output of the signature.
        captures: The variables, tables and constants that the graph reads, by placeholder.
        variables: The variables among them.
        writes: The nodes that change variables or tables, in order.
    """

    library: FunctionDefLibrary
    versions: VersionDef
    nodes: Mapping[str, NodeDef]
    inputs: Mapping[str, str]
    specs: Mapping[str, tf.TensorSpec]
    outputs: Mapping[str, str]
    captures: Mapping[str, tf.Tensor]
    variables: tuple[tf.Variable, ...]
    writes: tuple[str, ...] = ()

    @property
    def fetches(self) -> list[str]:
        """The results of the graph: the outputs, and the nodes that change variables."""
        return [*self.outputs.values(), *self.writes]

    def changed(self, writes: Iterable[str] | None = None) -> dict[str, str]:
        """The names of the variables and tables that are changed, by their handles' nodes.

        Args:
            writes: The nodes that change them; None for all.
        """
        names = {id(variable.handle): variable.name for variable in self.variables}
        changed = [
            x for write in writes or self.writes for x in handles(self.nodes, self.nodes[write])
        ]
        return {
            name: names.get(id(self.captures.get(name)), name).removesuffix(":0")
            for name in changed
        }

    def node(self, tensor: str) -> NodeDef:
        """The node that computes a tensor."""
        return self.nodes[tensor.partition(":")[0]]

    def graph_def(self) -> GraphDef:
        """The graph as a GraphDef."""
        return GraphDef(node=self.nodes.values(), library=self.library, versions=self.versions)

    @functools.cached_property
    def static_tensors(self) -> Mapping[str, tf.TensorSpec]:
        """The dtype and the static shape of every tensor."""
        graph_def = self._with_handles()
        with tf.Graph().as_default() as imported:
            tf.graph_util.import_graph_def(graph_def, name="")
        tensors = [tensor for op in imported.get_operations() for tensor in op.outputs]
        return {_canonical(x.name): tf.TensorSpec(x.shape, x.dtype) for x in tensors}

    def _with_handles(self) -> GraphDef:
        """The graph with handles that know the shapes of their variables, unlike placeholders."""
        graph_def = self.graph_def()
        variables = {id(variable.handle): variable for variable in self.variables}
        for node in graph_def.node:
            variable = variables.get(id(self.captures.get(node.name)))
            if variable is not None:
                node.op = "VarHandleOp"
                node.attr.clear()
                node.attr["dtype"].type = variable.dtype.as_datatype_enum
                node.attr["shape"].shape.CopyFrom(variable.shape.as_proto())
        return graph_def

    def origin(self, tensor: str, stop: Collection[str] = ()) -> str:
        """The source of a chain of identities, or the first tensor of `stop` on the way to it."""
        while tensor not in stop and (node := self.node(tensor)).op in _PASSED_ON:
            tensor = _canonical(node.input[int(tensor.partition(":")[2] or 0)])
        return tensor

    def data_inputs(self, node: NodeDef, stop: Collection[str] = ()) -> list[str]:
        """The tensors that a node reads, resolved by `origin`, without control dependencies."""
        names = [_canonical(name) for name in node.input if not name.startswith("^")]
        return [self.origin(name, stop) for name in names]

    def standalone(
        self, node: NodeDef, names: Collection[str], stop: Collection[str] = ()
    ) -> list[str]:
        """The inputs of a node in a graph that has only the nodes with some names."""
        kept = [name for name in node.input if name.startswith("^") and name[1:] in names]
        return [*self.data_inputs(node, stop), *kept]

    def bodies(self, node: NodeDef) -> list[FunctionDef]:
        """The functions that a node of functional control flow calls."""
        attributes = node.attr.values()
        called = [attribute.func for attribute in attributes if attribute.HasField("func")]
        called += [branch for attribute in attributes for branch in attribute.list.func]
        names = {function.name for function in called}
        return [body for body in self.library.function if body.signature.name in names]

    def called(self, names: Iterable[str]) -> FunctionDefLibrary:
        """The functions that some nodes call, directly or through other functions.

        TensorFlow keeps only one function per name in a process, and inlining gives functions of
        different signatures the same names.
        """
        found: dict[str, FunctionDef] = {}
        pending = [self.nodes[name] for name in names]
        while pending:
            for body in self.bodies(pending.pop()):
                if body.signature.name not in found:
                    found[body.signature.name] = body
                    pending.extend(body.node_def)
        return FunctionDefLibrary(function=found.values())

    def redirected(self, targets: Mapping[str, str], added: Iterable[NodeDef]) -> "FlatGraph":
        """A graph in which readers of some tensors read others instead.

        Args:
            targets: The new tensor for each replaced tensor.
            added: Nodes to add to the graph; their inputs are not replaced.
        """
        nodes = {
            name: rewired(node, [targets.get(tensor, tensor) for tensor in node.input])
            for name, node in self.nodes.items()
        }
        nodes |= {node.name: node for node in added}
        outputs = {name: targets.get(tensor, tensor) for name, tensor in self.outputs.items()}
        return dataclasses.replace(self, nodes=nodes, outputs=outputs)

    def inner_nodes(self, node: NodeDef) -> Iterator[NodeDef]:
        """The nodes of the functions that a node calls, directly or through other functions."""
        for body in self.bodies(node):
            for inner in body.node_def:
                yield inner
                yield from self.inner_nodes(inner)

    def ancestors(
        self, tensors: Iterable[str], stop: Collection[str] = ()
    ) -> tuple[list[str], set[str]]:
        """Walks from tensors to the nodes that they are computed from.

        Control dependencies are followed: `flatten` keeps only those that order the reads and
        writes of variables that change.

        Args:
            tensors: Where the walk starts.
            stop: Tensors at which the walk stops.

        Returns:
            The names of the nodes passed, and the members of `stop` that were met.
        """
        nodes: dict[str, None] = {}
        met: set[str] = set()
        pending = list(tensors)
        while pending:
            tensor = pending.pop()
            if tensor in stop:
                met.add(tensor)
                continue
            node = self.node(tensor)
            if node.name not in nodes:
                nodes[node.name] = None
                pending.extend(self.data_inputs(node, stop))
                pending.extend(name[1:] for name in node.input if name.startswith("^"))
        return list(nodes), met

    def depends_only_on(self, tensor: str, sources: Collection[str]) -> bool:
        """Whether a tensor is computed only from `sources` and constants."""
        nodes = (self.nodes[name] for name in self.ancestors([tensor], stop=sources)[0])
        return all(node.op == "Const" or self.data_inputs(node) for node in nodes)

    def constant(self, tensor: str) -> np.ndarray | None:
        """The value of a tensor that depends only on constants; None for other tensors."""
        return self.constants([tensor])[0]

    def constants(self, tensors: Sequence[str]) -> list[np.ndarray | None]:
        """The values of tensors; None for those that do not depend only on constants."""
        known = {name for name, value in self.captures.items() if value.dtype not in _NO_VALUES}
        origins = [self.origin(tensor) for tensor in tensors]
        new = [origin for origin in dict.fromkeys(origins) if origin not in self._constants]
        found = {origin: self._read(origin, known) for origin in new}
        # together, because each function costs milliseconds
        computed = [
            origin
            for origin in new
            if found[origin] is None and self.depends_only_on(origin, known)
        ]
        if computed:
            found.update(zip(computed, self.evaluate(computed, {}), strict=True))
        self._constants.update(found)
        return [self._constants[origin] for origin in origins]

    @functools.cached_property
    def _constants(self) -> dict[str, np.ndarray | None]:
        """What `constants` has found."""
        return {}

    def _read(self, tensor: str, known: Collection[str]) -> np.ndarray | None:
        """The value of a tensor that is a constant itself."""
        if tensor in known:
            return self.captures[tensor].numpy()
        if self.node(tensor).op == "Const":
            return tf.make_ndarray(self.node(tensor).attr["value"].tensor)
        return None

    def evaluate(self, fetches: Sequence[str], feeds: Mapping[str, tf.Tensor]) -> list[np.ndarray]:
        """Computes the values of `fetches` from those of `feeds`; both as for `import_part`."""
        compute = tf.function(lambda: self.import_part(fetches, feeds), autograph=False)
        # a call of `compute` itself would count as retracing, which TensorFlow warns of
        values = compute.get_concrete_function()()
        return [np.asarray(value.numpy(), value.dtype.as_numpy_dtype) for value in values]

    def import_part(
        self,
        fetches: Sequence[str],
        feeds: Mapping[str, tf.Tensor],
        writes: Sequence[str] = (),
    ) -> list[tf.Tensor]:
        """Imports the nodes that compute `fetches` from `feeds` into the current graph.

        Args:
            fetches: The tensors to compute.
            feeds: The tensors that replace tensors of this graph. Eager tensors are captured.
            writes: The nodes to run for their effects.

        Returns:
            The fetched tensors, in the current graph.
        """
        current = tf.compat.v1.get_default_graph()
        feeds = {**self.captures, **feeds}
        names, met = self.ancestors([*fetches, *writes], stop=feeds)
        # import_graph_def rejects a fetch that is a feed, and a feed that nothing reads
        fed = {name: current.capture(feeds[name]) for name in sorted(met)}
        part = GraphDef(versions=self.versions, library=self.called(names))
        # skip identities: if a variable passes through one, the converter does not see that it
        # never changes, and keeps it a variable instead of a constant
        kept = set(names)
        part.node.extend(
            rewired(self.nodes[name], self.standalone(self.nodes[name], kept, feeds))
            for name in names
        )
        read = {_canonical(name) for node in part.node for name in node.input}
        imported = tf.graph_util.import_graph_def(
            part,
            input_map={name: tensor for name, tensor in fed.items() if name in read},
            return_elements=[_with_index(name) for name in fetches if name not in fed],
            name="",
        )
        computed = iter(imported)
        return [fed[name] if name in fed else next(computed) for name in fetches]


def without_calls(name: str) -> str:
    """A node's name without the names of the function calls that it was inlined from."""
    return re.sub(_CALLS, "", name)


def flatten(function: ConcreteFunction) -> FlatGraph:
    """Inlines every function call of a signature, once.

    The variables stay captures: freezing them first would triple the time and the memory for a
    large model.

    Args:
        function: A signature as `tf.saved_model.load` restores it.
    """
    if function not in _flattened:
        _flattened[function] = _flatten(function)
    return _flattened[function]


def _flatten(function: ConcreteFunction) -> FlatGraph:
    graph = _with_state(inline(function))
    inputs = input_tensors(function)
    return dataclasses.replace(
        graph,
        inputs={name: _canonical(tensor.name) for name, tensor in inputs.items()},
        specs={name: tf.TensorSpec(x.shape, x.dtype, name) for name, x in inputs.items()},
        outputs=dict(zip(sorted(function.structured_outputs), graph.outputs.values(), strict=True)),
    )


def input_tensors(function: ConcreteFunction) -> dict[str, tf.Tensor]:
    """The tensors that a signature takes by their names, captures left out.

    The structured signature has only names that Python allows. They are sorted, because the order
    of TensorFlow's dictionary differs from run to run.
    """
    captured = {id(inner) for _, inner in function.graph.captures}
    tensors = [tensor for tensor in function.inputs if id(tensor) not in captured]
    return dict(sorted(zip(argument_names(function), tensors, strict=True)))


def inline(function: ConcreteFunction) -> FlatGraph:
    """Inlines every function call of any function; outputs are named by their positions.

    Args:
        function: The function. Its inputs are not recorded.
    """
    graph_def = _inlined(function)
    return FlatGraph(
        library=graph_def.library,
        versions=graph_def.versions,
        nodes={node.name: node for node in graph_def.node},
        inputs={},
        specs={},
        outputs={str(index): _canonical(x.name) for index, x in enumerate(function.outputs)},
        captures={_canonical(inner.name): outer for outer, inner in function.graph.captures},
        variables=tuple(function.variables),
    )


def _with_state(graph: FlatGraph) -> FlatGraph:
    # a signature's outputs have control dependencies on nodes that run only for their effects
    roots = [tensor.partition(":")[0] for tensor in graph.outputs.values()]
    state = keep_state(graph.nodes, roots, graph.inner_nodes)
    stateful = dataclasses.replace(graph, nodes=state.nodes, writes=state.writes)
    if state.refused:
        names = set(stateful.changed(state.refused).values())
        ops = {graph.nodes[name].op for name in state.refused}
        raise SplitError(
            f"The signature changes {listed(sorted(names))} by {listed(sorted(ops))}, and a TFLite "
            "model can only assign whole variables of TF2. Assign the whole variable, or export a "
            "signature that does not change it."
        )
    return stateful


def _inlined(function: ConcreteFunction) -> GraphDef:
    graph_def = function.graph.as_graph_def()
    bodies = [node for body in graph_def.library.function for node in body.node_def]
    for node in [*graph_def.node, *bodies]:
        # otherwise Grappler turns functional control flow into Switch and Merge, which TFLite lacks
        node.attr.pop("_lower_using_switch_merge", None)
    for body in graph_def.library.function:
        # this attribute marks alternatives for a GPU; Grappler would not inline them
        body.attr.pop("api_implements", None)
    meta_graph = meta_graph_pb2.MetaGraphDef(graph_def=graph_def)
    # Grappler keeps the nodes that this collection names
    meta_graph.collection_def["train_op"].node_list.value.extend(
        tensor.name for tensor in [*function.inputs, *function.outputs]
    )
    config = config_pb2.ConfigProto()
    options = config.graph_options.rewrite_options
    options.min_graph_nodes = -1
    options.optimizers.append("function")
    # the default does not inline stateful functions, such as a transform with a vocabulary
    options.function_optimization = rewriter_config_pb2.RewriterConfig.AGGRESSIVE
    return optimize_graph(config, meta_graph)


def _canonical(tensor: str) -> str:
    return tensor.removesuffix(":0")


def _with_index(tensor: str) -> str:
    return tensor if ":" in tensor else f"{tensor}:0"
