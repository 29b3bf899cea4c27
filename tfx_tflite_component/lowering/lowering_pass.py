"""What a lowering is, and how all of them are run."""

import dataclasses
from collections.abc import Callable, Collection

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.replacement import Replacement, replace


@dataclasses.dataclass(frozen=True)
class Pass:
    """A lowering.

    Attributes:
        name: Its name in the report, which stays the same from version to version.
        run: Takes a graph, and returns the rewritten graph and the names of the ops that changed.
    """

    name: str
    run: Callable[[FlatGraph], tuple[FlatGraph, list[str]]]


def node_pass(
    name: str,
    ops: Collection[str],
    replacement: Callable[[FlatGraph, NodeDef], Replacement | None],
) -> Pass:
    """A lowering that looks at one node at a time.

    Args:
        name: The name of the lowering.
        ops: The ops that it looks at.
        replacement: What replaces a node of the graph; None leaves it as it is.
    """

    def run(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
        candidates = [
            node for node in graph.nodes.values() if node.op in ops and not _is_ordered(node)
        ]
        found = {node.name: replacement(graph, node) for node in candidates}
        replacements = {name: one for name, one in found.items() if one}
        return replace(graph, replacements), sorted(replacements)

    return Pass(name, run)


def _is_ordered(node: NodeDef) -> bool:
    """Whether it matters when a node runs, as it reads or writes a variable that changes."""
    return any(name.startswith("^") for name in node.input)
