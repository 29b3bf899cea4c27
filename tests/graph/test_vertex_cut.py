"""The smallest set of vertices that separates two parts of a graph."""

import itertools
import random

import pytest

from tfx_tflite_component.graph.vertex_cut import smallest_cut


def test_one_vertex_behind_a_join_is_cheaper_than_two_before_it() -> None:
    edges = [("word", "rank"), ("word", "hash"), ("rank", "id"), ("hash", "id"), ("id", "model")]
    costs = dict.fromkeys(["word", "rank", "hash", "id"], 1)
    assert smallest_cut(edges, costs, ["rank", "hash"], ["model"]) == {"id"}


def test_cut_nearest_to_the_sources_is_chosen_among_equal_ones() -> None:
    edges = itertools.pairwise("abcd")
    assert smallest_cut(edges, dict.fromkeys("abcd", 1), ["a"], ["d"]) == {"a"}


def test_vertex_without_a_cost_is_not_cut() -> None:
    edges = list(itertools.pairwise("abcd"))
    assert smallest_cut(edges, {"c": 1}, ["a"], ["d"]) == {"c"}
    assert smallest_cut(edges, {}, ["a"], ["d"]) is None


def test_costs_are_added_up() -> None:
    edges = [("a", "b"), ("b", "c"), ("b", "d"), ("c", "e"), ("d", "e")]
    assert smallest_cut(edges, {"b": 3, "c": 1, "d": 1}, ["a"], ["e"]) == {"c", "d"}
    assert smallest_cut(edges, {"b": 2, "c": 1, "d": 1}, ["a"], ["e"]) == {"b"}


def test_nothing_is_cut_where_no_path_leads_to_a_sink() -> None:
    assert smallest_cut([("a", "b")], {"a": 1}, ["a"], ["c"]) == set()


@pytest.mark.parametrize("seed", range(20))
def test_no_smaller_set_separates_random_graphs(seed: int) -> None:
    chosen = random.Random(seed)
    vertices = range(8)
    edges = [pair for pair in itertools.combinations(vertices, 2) if chosen.random() < 0.4]
    costs = {vertex: 1 for vertex in vertices if chosen.random() < 0.8}
    separating = [
        set(some)
        for size in range(len(costs) + 1)
        for some in itertools.combinations(costs, size)
        if not _is_reachable(edges, {0, 1} - set(some), {6, 7} - set(some), set(some))
    ]
    found = smallest_cut(edges, costs, [0, 1], [6, 7])
    assert (found is None) == (not separating)
    if found is not None:
        assert found in separating
        assert len(found) == len(separating[0])


def _is_reachable(
    edges: list[tuple[int, int]], sources: set[int], sinks: set[int], removed: set[int]
) -> bool:
    reached = set(sources)
    for start, end in sorted(edges):
        if start in reached and end not in removed:
            reached.add(end)
    return not reached.isdisjoint(sinks)
