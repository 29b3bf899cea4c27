"""The order in which a signature reads and writes the variables that it changes.

In a function, control dependencies put an assignment after a read, or a check before everything
else. The TFLite model has no checks, but it keeps its state. So only those control dependencies are
kept that order the reads and writes of variables that change.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Protocol

from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.framework.types_pb2 import DT_RESOURCE

from tfx_tflite_component.graph.nodes import rewired

_PASSED_ON = ("Identity", "IdentityN", "NoOp")
_RESOURCE_WRITES = ("Assign", "ResourceApply", "ResourceScatter")
# parts of variables, variables of TF1, and tables
_NOT_IN_TFLITE = (
    "ResourceStridedSliceAssign",
    *("Assign", "AssignAdd", "AssignSub", "ScatterAdd", "ScatterSub", "ScatterUpdate"),
    *("LookupTableImportV2", "LookupTableInsertV2", "LookupTableRemoveV2"),
)
_HANDLES = (
    "HashTableV2",
    "MutableDenseHashTableV2",
    "MutableHashTableV2",
    "VarHandleOp",
    "VariableV2",
)


class _InnerNodes(Protocol):
    def __call__(self, node: NodeDef) -> Iterator[NodeDef]: ...


@dataclasses.dataclass(frozen=True)
class State:
    """What a signature changes.

    Attributes:
        nodes: The graph's nodes; control dependencies order only reads and writes.
        writes: The nodes that change variables or tables, in an order that the graph allows.
        refused: Those of them that TFLite has no ops for.
    """

    nodes: dict[str, NodeDef]
    writes: tuple[str, ...]
    refused: tuple[str, ...]


def keep_state(
    nodes: Mapping[str, NodeDef], roots: Collection[str], inner_nodes: _InnerNodes
) -> State:
    """Finds what changes variables, and drops all other control dependencies.

    Args:
        nodes: The nodes of a graph, by name.
        roots: The names of the nodes that compute its outputs.
        inner_nodes: The nodes of the functions that a node of control flow calls.
    """
    order = _topological(nodes, roots)
    writes = tuple(name for name in order if _has(nodes[name], inner_nodes, _is_write))
    changed = {handle for name in writes for handle in handles(nodes, nodes[name])}
    touching = {
        name
        for name in order
        if nodes[name].op not in _PASSED_ON and not changed.isdisjoint(handles(nodes, nodes[name]))
    }.union(writes)
    before: dict[str, frozenset[str]] = {}
    kept = dict(nodes)
    for name in order:
        earlier = frozenset[str]().union(*(before[read] for read in _read(nodes[name])))
        before[name] = frozenset([name]) if name in touching else earlier
        kept[name] = _ordered(nodes[name], earlier if name in touching else frozenset())
    for name in nodes.keys() - before.keys():
        kept[name] = _ordered(nodes[name], frozenset())
    refused = [name for name in writes if _has(nodes[name], inner_nodes, _is_refused)]
    return State(kept, writes, tuple(refused))


def handles(nodes: Mapping[str, NodeDef], node: NodeDef) -> list[str]:
    """The nodes of the variables and tables that a node reads or writes."""
    sources = [_source(nodes, name) for name in node.input if not name.startswith("^")]
    return [name for name in sources if _is_handle(nodes[name])]


def _has(node: NodeDef, inner_nodes: _InnerNodes, is_meant: Callable[[NodeDef], bool]) -> bool:
    return any(map(is_meant, (node, *inner_nodes(node))))


def _is_write(node: NodeDef) -> bool:
    return node.op.startswith(_RESOURCE_WRITES) or node.op in _NOT_IN_TFLITE


def _is_handle(node: NodeDef) -> bool:
    is_resource = "dtype" in node.attr and node.attr["dtype"].type == DT_RESOURCE
    return is_resource or node.op in _HANDLES


def _is_refused(node: NodeDef) -> bool:
    return node.op in _NOT_IN_TFLITE


def _source(nodes: Mapping[str, NodeDef], tensor: str) -> str:
    name, _, index = tensor.partition(":")
    while nodes[name].op in _PASSED_ON:
        name, _, index = nodes[name].input[int(index or 0)].partition(":")
    return name


def _read(node: NodeDef) -> list[str]:
    """The nodes that come before a node."""
    return [name.removeprefix("^").partition(":")[0] for name in node.input]


def _ordered(node: NodeDef, earlier: Collection[str]) -> NodeDef:
    data = [name for name in node.input if not name.startswith("^")]
    if len(data) == len(node.input) and not earlier:
        return node
    read = {name.partition(":")[0] for name in data}
    return rewired(node, [*data, *(f"^{name}" for name in sorted(set(earlier) - read))])


def _topological(nodes: Mapping[str, NodeDef], roots: Collection[str]) -> list[str]:
    """The nodes that are computed, each after those that it reads."""
    done: dict[str, None] = {}
    pending = [(name, False) for name in roots]
    while pending:
        name, is_ready = pending.pop()
        if name in done:
            continue
        if is_ready:
            done[name] = None
            continue
        pending.append((name, True))
        pending.extend((read, False) for read in _read(nodes[name]) if read not in done)
    return list(done)
