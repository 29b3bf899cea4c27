"""Holds each layer and function of docs/preprocessing.md to its numbers, and makes its tables.

RENEW_TABLES=1 pytest tests/lowering/test_preprocessing_table.py writes the tables anew.
"""

import functools
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import keras
import pytest
import tf_keras
from layer_rows import LAYER_ROWS, LayerRow, save_layers
from pipelines import PipelineRun
from transform_rows import EXAMPLES, TRANSFORM_ROWS, TransformRow, save_transforms
from verdicts import Verdict, judge, load_signatures

from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model import load_transform

_PAGE = pathlib.Path(__file__).parents[2] / "docs" / "preprocessing.md"
_KERAS = {"Keras 3": keras, "tf_keras": tf_keras}
_OF_LAYERS = (Verdict.BUILTIN, Verdict.LOWERED, Verdict.HEAD, Verdict.FLEX, Verdict.CUSTOM)
_OF_FUNCTIONS = (Verdict.BUILTIN, Verdict.LOWERED, Verdict.HEAD)

JudgeLayer: TypeAlias = Callable[[str, LayerRow], Verdict]
JudgeFunction: TypeAlias = Callable[[str, TransformRow], Verdict]


@pytest.fixture(scope="module")
def judge_layer(tmp_path_factory: pytest.TempPathFactory) -> JudgeLayer:
    """What a row needs with one generation of Keras; the numbers are compared on the way."""

    @functools.cache
    def signatures(generation: str) -> Mapping[str, ConcreteFunction]:
        folder = tmp_path_factory.mktemp("layers")
        return load_signatures(save_layers(folder, _KERAS[generation].layers))

    @functools.cache
    def verdict(generation: str, row: LayerRow) -> Verdict:
        path = tmp_path_factory.mktemp("layer") / "tflite"
        judged = judge(signatures(generation)[row.name], path)
        judged.check_same(row.values.examples)
        return judged.verdict

    return verdict


@pytest.fixture(scope="module")
def judge_function(
    transforms: PipelineRun, tmp_path_factory: pytest.TempPathFactory
) -> JudgeFunction:
    """What a row of a group needs; the numbers are compared on the way."""

    @functools.cache
    def signatures(group: str) -> tuple[Mapping[str, ConcreteFunction], ConcreteFunction]:
        folder, graph = tmp_path_factory.mktemp("functions"), transforms.root / group
        saved_model = save_transforms(folder, TRANSFORM_ROWS[group], graph)
        return load_signatures(saved_model), load_transform(graph)

    @functools.cache
    def verdict(group: str, row: TransformRow) -> Verdict:
        path = tmp_path_factory.mktemp("function") / "tflite"
        by_name, graph = signatures(group)
        judged = judge(by_name[row.name], path, graph)
        judged.check_same([one for kind in EXAMPLES.keys() - row.but for one in EXAMPLES[kind]])
        return judged.verdict

    assert transforms.exit_code == 0, transforms.output
    return verdict


@pytest.mark.all_rows
@pytest.mark.slow
@pytest.mark.parametrize("generation", _KERAS)
@pytest.mark.parametrize("row", LAYER_ROWS, ids=lambda row: row.name)
def test_layer_agrees_with_the_saved_model(
    row: LayerRow, generation: str, judge_layer: JudgeLayer
) -> None:
    assert judge_layer(generation, row) in _OF_LAYERS


@pytest.mark.all_rows
@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "row"),
    [
        pytest.param(group, row, id=row.name)
        for group, rows in TRANSFORM_ROWS.items()
        for row in rows
    ],
)
def test_function_agrees_with_the_saved_model(
    group: str, row: TransformRow, judge_function: JudgeFunction
) -> None:
    assert judge_function(group, row) in _OF_FUNCTIONS


@pytest.mark.slow
def test_page_says_what_each_layer_needs(judge_layer: JudgeLayer) -> None:
    rows = []
    for row in LAYER_ROWS:
        needed = {generation: judge_layer(generation, row) for generation in _KERAS}
        rows.append([row.name, *(_generations(needed, verdict) for verdict in _OF_LAYERS)])
    _check_table("layers", ["Layer", *(verdict.value for verdict in _OF_LAYERS)], rows)


@pytest.mark.slow
def test_page_says_what_each_function_needs(judge_function: JudgeFunction) -> None:
    rows = [
        [row.name, *_marks(judge_function(group, row)), ", ".join(row.but)]
        for group, rows in TRANSFORM_ROWS.items()
        for row in rows
    ]
    verdicts = [verdict.value for verdict in _OF_FUNCTIONS]
    _check_table("functions", ["Function", *verdicts, "but for"], rows)


def _generations(needed: Mapping[str, Verdict], verdict: Verdict) -> str:
    """The generations of Keras with which a layer needs something."""
    having = [generation for generation in _KERAS if needed[generation] is verdict]
    return "both" if len(having) == len(_KERAS) else "".join(having)


def _marks(verdict: Verdict) -> Iterator[str]:
    yield from ("yes" if verdict is column else "" for column in _OF_FUNCTIONS)


def _check_table(name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [header, ["---"] * len(header), *rows]
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found = _PAGE.read_text().split(begin)
    found, after = found.split(end)
    if "RENEW_TABLES" in os.environ:
        _PAGE.write_text(before + begin + table + end + after)
        return
    assert found == table
