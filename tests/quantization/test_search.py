"""Mode AUTO, from a SavedModel to the published model, against an interpreter of the test's own."""

import functools
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from quantizable import Rewritten, example, rewritten, save_model
from searchable import make_case, normal

from tfx_tflite_component.errors import ExamplesError, VerificationError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Auto
from tfx_tflite_component.quantization.float_model import FloatModel
from tfx_tflite_component.quantization.outcome import Trial, on_front
from tfx_tflite_component.quantization.quality import Quality
from tfx_tflite_component.quantization.search import ordered, search
from tfx_tflite_component.quantization.trials import Trials
from tfx_tflite_component.report.page import render
from tfx_tflite_component.tflite.model_edit import compact

_NUMBER = tf.io.FixedLenFeature([1], tf.float32)
_MEAN, _STD = np.float32([2e6, 0]), np.float32([1e6, 1e-3])
_BUDGET = {"min_sqnr_db": 30.0}


def _values(count: int, seed: int) -> np.ndarray:
    return normal(count, 2, seed=seed) * _STD + _MEAN


def _examples(count: int, seed: int) -> list[bytes]:
    return [example(large=large, small=small) for large, small in _values(count, seed)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Features of 1e6 and 1e-3, concatenated and then normalized: useless in plain integers."""
    first, second = tf.Variable(normal(2, 64)), tf.Variable(normal(64, 64, seed=1) / 8)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        joined = (tf.concat([features["large"], features["small"]], 1) - _MEAN) / _STD
        return {"y": tf.nn.relu(joined @ first) @ second}

    folder = tmp_path_factory.mktemp("features") / "model"
    return save_model(folder, {"large": _NUMBER, "small": _NUMBER}, compute, first, second)


def _rewritten(
    source: pathlib.Path,
    folder: pathlib.Path,
    auto: Mapping[str, Any],
    budget: Mapping[str, Any] = _BUDGET,
) -> Rewritten:
    config = {"quantization": {"mode": "AUTO", "auto": auto}, "verification": budget}
    return rewritten(source, folder, config, _examples(120, seed=1), _examples(60, seed=2))


@pytest.fixture(scope="module")
def smallest(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Rewritten:
    return _rewritten(source, tmp_path_factory.mktemp("smallest"), {})


def _decibels(source: pathlib.Path, path: pathlib.Path) -> float:
    """The SQNR on fresh examples, centered, by an interpreter that nothing of the product wraps."""
    values = _values(100, seed=3)
    signature = tf.saved_model.load(str(source)).signatures["serving_default"]
    serialized = [example(large=large, small=small) for large, small in values]
    expected = signature(examples=tf.constant(serialized))["y"].numpy()
    runner = tf.lite.Interpreter(model_path=str(path)).get_signature_runner()
    actual = runner(large=values[:, :1], small=values[:, 1:])["y"]
    signal = np.square(expected - expected.mean(axis=0)).sum()
    return float(10 * np.log10(signal / np.square(actual - expected).sum()))


def _trials(result: Rewritten) -> dict[str, Trial]:
    return {trial.name: trial for trial in result.report.search.trials}


@pytest.mark.slow
def test_loops_are_unrolled_only_for_candidates_in_integers(tmp_path: pathlib.Path) -> None:
    weights = tf.Variable(normal(4, 4) / 2)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        state = tf.zeros([tf.shape(features["steps"])[0], 4])
        for_each = (lambda i, _: i < 8, lambda i, h: (i + 1, _step(features["steps"][:, i], h)))
        return {"y": tf.while_loop(*for_each, (0, state), maximum_iterations=8)[1]}

    def _step(x: tf.Tensor, state: tf.Tensor) -> tf.Tensor:
        return tf.tanh(state @ weights + x)

    steps = {"steps": tf.io.FixedLenFeature([8, 4], tf.float32)}
    source = save_model(tmp_path / "model", steps, compute, weights)
    samples = [[example(steps=row) for row in normal(40, 32, seed=seed)] for seed in (1, 2)]
    config = {"quantization": {"mode": "AUTO"}, "verification": {"min_sqnr_db": 10.0}}
    trials = _trials(rewritten(source, tmp_path / "auto", {**config, "batch_size": 1}, *samples))
    plain = rewritten(source, tmp_path / "plain", {"batch_size": 1})
    assert trials["NONE"].size_bytes == len(compact(plain.path.read_bytes()))
    assert trials["FULL_INTEGER"].sqnr_db > 10


def test_chosen_model_holds_the_budget_on_fresh_examples(
    smallest: Rewritten, source: pathlib.Path
) -> None:
    assert _decibels(source, smallest.path) >= 28
    assert smallest.report.verification.outputs["y"].sqnr_db >= 30
    trials = _trials(smallest)
    assert all(trial.sqnr_db >= 30.5 for trial in trials.values() if trial.holds)
    assert not trials["FULL_INTEGER"].holds
    assert smallest.path.stat().st_size < 0.5 * trials["NONE"].size_bytes


def test_chosen_model_is_the_smallest_that_holds(smallest: Rewritten) -> None:
    trials = _trials(smallest)
    holding = [trial for trial in trials.values() if trial.holds and trial.confirmed is not False]
    chosen = trials[smallest.report.search.chosen]
    smallest_size = min(trial.size_bytes for trial in holding)
    equally_small = [trial for trial in holding if trial.size_bytes <= 1.001 * smallest_size]
    assert chosen.name == max(equally_small, key=lambda trial: trial.sqnr_db).name
    assert chosen.size_bytes == smallest.path.stat().st_size
    assert chosen.on_front


def test_ranking_has_the_worst_op_first(smallest: Rewritten) -> None:
    costs = [cost.sqnr_db for cost in smallest.report.search.ranking]
    assert costs == sorted(costs)
    assert {cost.op for cost in smallest.report.search.ranking} >= {"SUB", "FULLY_CONNECTED"}


def test_page_shows_each_candidate_and_the_front(smallest: Rewritten) -> None:
    page = render(smallest.report)
    trials = smallest.report.search.trials
    assert page.count("<circle") == sum(trial.size_bytes > 0 for trial in trials)
    assert "<polyline" in page
    assert all(trial.name in page for trial in trials)


@pytest.mark.slow
def test_same_seed_gives_the_same_model(
    smallest: Rewritten, source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert _rewritten(source, tmp_path, {}).path.read_bytes() == smallest.path.read_bytes()


def test_integer_only_model_has_no_float_op(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    budget = {"min_sqnr_db": 20.0}
    result = _rewritten(source, tmp_path, {"integer_only": True}, budget)
    assert result.float_ops == []
    assert _decibels(source, result.path) >= 18


def test_integer_only_model_that_no_recipe_makes_is_refused(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(VerificationError, match="integer-only"):
        _rewritten(source, tmp_path, {"integer_only": True}, {"min_sqnr_db": 90.0})


def test_budget_that_only_the_float_model_holds_is_a_warning(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    result = _rewritten(source, tmp_path, {}, {"min_sqnr_db": 90.0})
    assert result.report.search.chosen == "NONE"
    assert any("float model is published" in warning for warning in result.report.warnings)


def test_too_few_examples_to_divide_are_refused(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = {"quantization": {"mode": "AUTO"}}
    with pytest.raises(ExamplesError, match="AUTO needs 10"):
        rewritten(source, tmp_path, config, _examples(9, seed=1), _examples(9, seed=2))


def test_integer_model_below_its_limit_names_the_ops(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = {"quantization": {"mode": "FULL_INTEGER"}, "verification": {"min_sqnr_db": 80.0}}
    healthy = normal(2, 64)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"y": tf.concat([features["large"], features["small"]], 1) @ healthy}

    model = save_model(tmp_path / "model", {"large": _NUMBER, "small": _NUMBER}, compute)
    rows = [example(large=a, small=b) for a, b in normal(40, 2, seed=1)]
    with pytest.raises(VerificationError, match=r"FULLY_CONNECTED .*quantization.mode: AUTO"):
        rewritten(model, tmp_path / "out", config, rows, rows)


class _Judge:
    """Finds every model good."""

    num_examples = 1

    def __call__(self, path: pathlib.Path, is_float: bool = False) -> Quality:
        return Quality(40.0, None, ())

    def on_fewer(self, count: int) -> "_Judge":
        return self


def test_search_whose_time_is_up_returns_the_float_model(tmp_path: pathlib.Path) -> None:
    dense = normal(4, 6)
    case = make_case(lambda x: x @ dense, x=normal(8, 4))
    trials = Trials(_Judge(), tmp_path, max_seconds=-1)
    found = search(case.model, case.model, lambda: case.content, trials, _Judge, Auto(), 8)
    assert found.content == compact(case.content)
    assert "FULL_INTEGER" in found.outcome.skipped


def test_search_goes_on_if_integers_cannot_be_made(tmp_path: pathlib.Path) -> None:
    dense = normal(64, 64)
    case = make_case(lambda x: x @ dense, x=normal(8, 64))
    model = FloatModel(case.content, lambda: [("no_such_signature", {})])
    trials = Trials(_Judge(), tmp_path, max_seconds=600)
    found = search(model, model, lambda: case.content, trials, _Judge, Auto(), 8)
    assert found.outcome.chosen == "WEIGHTS_ONLY, one scale per tensor"
    assert found.outcome.ranking == ()


class _Sample(_Judge):
    """Has some examples of which a few disagree, and a budget of one in a hundred."""

    def __init__(self, num_examples: int, disagreeing: int) -> None:
        self.num_examples, self._disagreeing = num_examples, disagreeing

    def __call__(self, path: pathlib.Path, is_float: bool = False) -> Quality:
        excess = 0 if is_float else self._disagreeing - self.num_examples // 100
        return Quality(40.0, None, ("too few agree",) * (excess > 0), excess == 1)

    def joined(self, other: "_Sample") -> "_Sample":
        count = self.num_examples + other.num_examples
        return _Sample(count, self._disagreeing + other._disagreeing)


@pytest.mark.parametrize(
    ("in_search", "among_fresh", "chosen"),
    [
        (2, 1, "WEIGHTS_ONLY, one scale per tensor"),
        # 3 of 200 are few enough, but not 5 of 300
        (2, 2, "NONE"),
        (3, 0, "NONE"),
    ],
)
def test_near_miss_of_the_search_is_chosen_if_all_examples_together_hold(
    in_search: int, among_fresh: int, chosen: str, tmp_path: pathlib.Path
) -> None:
    dense = normal(64, 64)
    case = make_case(lambda x: x @ dense, x=normal(8, 64))
    model = FloatModel(case.content, lambda: [("no_such_signature", {})])
    trials = Trials(_Sample(100, in_search), tmp_path, max_seconds=600)
    fresh = functools.partial(_Sample, 200, among_fresh)
    found = search(model, model, lambda: case.content, trials, fresh, Auto(), 8)
    assert found.outcome.chosen == chosen
    assert trials.found[chosen].holds


def _trial(name: str, size: int, decibels: float, **others: Any) -> Trial:
    return Trial(name, size, decibels, None, True, False, 0.0, **others)


def test_fastest_comes_first_and_size_decides_within_the_noise() -> None:
    trials = [
        _trial("slow", 10, 40, latency_ms=2.0, latency_noise_ms=0.1),
        _trial("fast", 90, 40, latency_ms=1.0, latency_noise_ms=0.1),
        _trial("as fast", 50, 40, latency_ms=1.05, latency_noise_ms=0.1),
    ]
    names = [trial.name for trial in ordered(trials, Auto(minimize=Auto.LATENCY))]
    assert names == ["as fast", "fast", "slow"]


def test_better_one_comes_first_of_those_nearly_as_small_as_the_smallest() -> None:
    trials = [_trial("large", 9990, 60), _trial("small", 9900, 31), _trial("better", 9909, 35)]
    assert [trial.name for trial in ordered(trials, Auto())] == ["better", "small", "large"]


def test_front_has_what_nothing_else_beats_in_size_and_quality() -> None:
    trials = [_trial("a", 10, 10), _trial("b", 20, 40), _trial("c", 30, 30), _trial("d", 0, 99)]
    assert on_front(trials) == {"a", "b"}
