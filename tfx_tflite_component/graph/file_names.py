"""Finds the tensors of a SavedModel that can only hold names of its own files.

A lookup table that is filled from another file would publish the contents of that file in the
model.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

from tfx_tflite_component.graph.executed_nodes import Body, called_functions, node_name

_SAME = ("Identity",)
_ASSET = "asset"


class FileNames:
    """Distinguishes tensors that hold the name of a file of the SavedModel from all others."""

    def __init__(
        self, graph: MetaGraphDef, bodies: Sequence[Body], tensors: Collection[str]
    ) -> None:
        """Collects the calls of each function.

        Args:
            graph: A graph of a SavedModel.
            bodies: The bodies that are run, as `executed_bodies` returns them.
            tensors: The tensors of TF1's graph that TensorFlow feeds with such names.
        """
        self._objects = graph.object_graph_def
        self._of_graph = set(map(node_name, tensors))
        self._calls: dict[str, list[tuple[Body, NodeDef]]] = defaultdict(list)
        for body in bodies:
            for node in body.nodes.values():
                for name in called_functions(node):
                    self._calls[name].append((body, node))
        self._is_known: dict[tuple[str, int], bool] = {}

    def holds(self, body: Body, tensor: str) -> bool:
        """Whether a tensor always holds such a name."""
        name = node_name(tensor)
        if name in body.arguments:
            return self._is_given(body, body.arguments.index(name))
        if not body.name and name in self._of_graph:
            return True
        node = body.nodes.get(name)
        return node is not None and node.op in _SAME and self.holds(body, node.input[0])

    def _is_given(self, body: Body, position: int) -> bool:
        """Whether every call of a function passes such a name for an argument."""
        key = body.name, position
        if key not in self._is_known:
            self._is_known[key] = True  # assumed for recursive calls
            self._is_known[key] = self._is_bound(body, position) and all(
                self._is_passed(caller, node, position - len(body.arguments))
                for caller, node in self._calls[body.name]
            )
        return self._is_known[key]

    def _is_passed(self, caller: Body, node: NodeDef, position_from_end: int) -> bool:
        # the condition is the first input and is not passed on
        given = [tensor for tensor in node.input if not tensor.startswith("^")]
        return -position_from_end <= len(given) and self.holds(caller, given[position_from_end])

    def _is_bound(self, body: Body, position: int) -> bool:
        """The same for a function that Python calls: TensorFlow adds what it was saved with."""
        if body.name not in self._objects.concrete_functions:
            return bool(self._calls[body.name])
        bound = self._objects.concrete_functions[body.name].bound_inputs
        first = len(body.arguments) - len(bound)
        if position < first:
            return False
        return self._objects.nodes[bound[position - first]].WhichOneof("kind") == _ASSET
