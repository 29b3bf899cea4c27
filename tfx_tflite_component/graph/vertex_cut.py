"""The smallest set of vertices that separates two parts of a graph."""

import collections
import itertools
import math
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import TypeAlias

Vertex: TypeAlias = Hashable

_Network: TypeAlias = dict[Vertex, dict[Vertex, float]]

_SOURCE, _SINK = "source", "sink"
_ENTRY, _EXIT = "entry", "exit"


def smallest_cut(
    edges: Iterable[tuple[Vertex, Vertex]],
    costs: Mapping[Vertex, int],
    sources: Collection[Vertex],
    sinks: Collection[Vertex],
) -> set[Vertex] | None:
    """Finds the cheapest vertices without which no path leads from the sources to the sinks.

    By Menger's theorem, their cost is the largest flow from the sources to the sinks, where the
    cost of a vertex is its capacity. It is found along shortest paths, by the algorithm of Edmonds
    and Karp. Sources and sinks may be cut as well.

    Args:
        edges: The edges of a directed graph.
        costs: The cost of cutting each vertex; vertices that are not in it cannot be cut.
        sources: Where paths begin.
        sinks: Where they end.

    Returns:
        Among the cheapest sets, the one that is nearest to the sources. None if every set of
        vertices that separates them has one that cannot be cut.
    """
    network = _network(edges, costs, sources, sinks)
    while path := _shortest_path(network):
        steps = list(itertools.pairwise(path))
        flow = min(network[start][end] for start, end in steps)
        if flow == math.inf:
            return None
        for start, end in steps:
            network[start][end] -= flow
            network[end][start] = network[end].get(start, 0) + flow
    reached = _reached(network)
    return {
        vertex for vertex in costs if (_ENTRY, vertex) in reached and (_EXIT, vertex) not in reached
    }


def _network(
    edges: Iterable[tuple[Vertex, Vertex]],
    costs: Mapping[Vertex, int],
    sources: Collection[Vertex],
    sinks: Collection[Vertex],
) -> _Network:
    """A flow network: each vertex is an edge from its entry to its exit."""
    network: _Network = collections.defaultdict(dict)
    edges = list(edges)
    for vertex in {*sources, *sinks, *(vertex for edge in edges for vertex in edge)}:
        network[_ENTRY, vertex][_EXIT, vertex] = costs.get(vertex, math.inf)
    for start, end in edges:
        network[_EXIT, start][_ENTRY, end] = math.inf
    for vertex in sources:
        network[_SOURCE][_ENTRY, vertex] = math.inf
    for vertex in sinks:
        network[_EXIT, vertex][_SINK] = math.inf
    return network


def _shortest_path(network: _Network) -> list[Vertex]:
    """A path from the source to the sink with room for more flow; empty if there is none."""
    reached = _reached(network)
    if _SINK not in reached:
        return []
    path: list[Vertex] = [_SINK]
    while (before := reached[path[-1]]) is not None:
        path.append(before)
    return path[::-1]


def _reached(network: _Network) -> dict[Vertex, Vertex | None]:
    """What can be reached from the source where there is room, with the vertex before each."""
    reached: dict[Vertex, Vertex | None] = {_SOURCE: None}
    pending: collections.deque[Vertex] = collections.deque([_SOURCE])
    while pending:
        start = pending.popleft()
        for end, room in network[start].items():
            if room and end not in reached:
                reached[end] = start
                pending.append(end)
    return reached
