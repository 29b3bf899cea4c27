"""AUTO: the smallest or fastest model that holds a budget."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

from tfx_tflite_component.errors import VerificationError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Auto
from tfx_tflite_component.quantization import recipes
from tfx_tflite_component.quantization.float_model import FloatModel
from tfx_tflite_component.quantization.mixed_precision import fewest_float_ops
from tfx_tflite_component.quantization.outcome import (
    KeptFloat,
    OpCost,
    Outcome,
    Trial,
    on_front,
)
from tfx_tflite_component.quantization.quality import Judge
from tfx_tflite_component.quantization.repairs.repair import attempt, repair
from tfx_tflite_component.quantization.sensitivity import nodes, rank
from tfx_tflite_component.quantization.trials import Trials
from tfx_tflite_component.quantization.weight_storage import Storage
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.verification.latency import measure_in_turns

_RANKING_EXAMPLES = 32
_RANKING_SHARE = 0.6
"""The share of the time after which the ranking of ops ends, to leave time for the rest."""

_SAME_SIZE = 1.001
"""How many times the size of the smallest candidate a better one may have."""

_PLAIN = frozenset({"NONE", "FLOAT16", "WEIGHTS_ONLY", recipes.ONE_SCALE, "DYNAMIC_RANGE"})
"""The candidates that are made from the plain float model."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        content: The content of the chosen `.tflite` file.
        outcome: What was tried.
    """

    content: bytes
    outcome: Outcome

    @property
    def is_plain(self) -> bool:
        """Whether the chosen model was made from the plain float model."""
        return self.outcome.chosen in _PLAIN

    @property
    def is_16_bit(self) -> bool:
        """Whether the chosen model has 16-bit activations."""
        return self.outcome.chosen.startswith("INT16_ACTIVATIONS")


def search(
    model: FloatModel,
    plain: FloatModel,
    dynamic_range: Callable[[], bytes],
    trials: Trials,
    confirm: Callable[[], Judge],
    auto: Auto,
    calibration_examples: int,
) -> Found:
    """Searches for the best model that holds a budget.

    Args:
        model: The float model whose ops have forms that compute in integers.
        plain: The float model without what only those forms need, such as loops unrolled.
        dynamic_range: Converts the tail of `plain` with 8-bit weights, which only the converter
            can.
        trials: Where candidates are tried; none was so far.
        confirm: Makes the judge that compares the chosen model with the SavedModel on fresh
            examples.
        auto: What to minimize.
        calibration_examples: How many examples `model` is calibrated with, for the report.

    Returns:
        The model; the float model if no other holds the budget.

    Raises:
        VerificationError: `integer_only` is set, and no such model is within the budget.
    """
    with trials.step("single modes"):
        _try_single_modes(model, plain, dynamic_range, trials)
    # without it, there is nothing to repair or to rank
    integer = trials.found.get("FULL_INTEGER")
    can_be_integer = integer is not None and integer.size_bytes > 0
    if integer and can_be_integer and not integer.holds:
        with trials.step("repairs"):
            repaired = repair(model, trials)
            if repaired.content != model.content:
                attempt(trials, "WEIGHTS_ONLY", repaired.with_all_ranges)
                attempt(trials, "INT16_ACTIVATIONS", repaired.with_all_ranges)
            model = repaired
    with trials.step("ranking of ops"):
        ranking = _rank(model, trials) if can_be_integer else []
    kept: dict[str, Sequence[str]] = {}
    is_missed = can_be_integer and not any(map(_is_int8, trials.found.values()))
    if is_missed and not auto.integer_only and not trials.is_over():
        with trials.step("ops in float"):
            kept = _try_mixed(model, ranking, trials)
    if auto.minimize == Auto.LATENCY:
        with trials.step("latency"):
            _measure_latency(trials)
    with trials.step("confirmation"):
        chosen = _choose(trials, confirm, auto)
    return Found(
        trials.path(chosen).read_bytes(),
        _outcome(chosen, trials, ranking, kept.get(chosen, ()), auto, calibration_examples),
    )


def _try_single_modes(
    model: FloatModel, plain: FloatModel, dynamic_range: Callable[[], bytes], trials: Trials
) -> None:
    trials.attempt("NONE", lambda: recipes.unchanged(plain), is_float=True)
    attempt(trials, "FLOAT16", plain)
    attempt(trials, "WEIGHTS_ONLY", plain)
    attempt(trials, recipes.ONE_SCALE, plain)
    trials.attempt("DYNAMIC_RANGE", dynamic_range)
    attempt(trials, "FULL_INTEGER", model)
    attempt(trials, "INT16_ACTIVATIONS", model)


def _rank(model: FloatModel, trials: Trials) -> list[OpCost]:
    judge = trials.judge.on_fewer(_RANKING_EXAMPLES)
    return rank(model, judge, trials.folder, lambda: trials.is_over(_RANKING_SHARE))


def _is_int8(trial: Trial) -> bool:
    return trial.name.startswith("FULL_INTEGER") and trial.holds


def _try_mixed(
    model: FloatModel, ranking: Sequence[OpCost], trials: Trials
) -> dict[str, Sequence[str]]:
    """Leaves ops in float, with their weights in 8 bits, or in 16 if that is not enough."""
    ranked = [cost.tensor for cost in ranking]
    # those that the ranking did not reach come last
    names = ranked + [name for name, _ in nodes(model.content) if name not in ranked]
    for storage in (Storage.INT8, Storage.FLOAT16):
        make = functools.partial(recipes.mixed, model, storage=storage)
        ops = fewest_float_ops(names, functools.partial(_holds, trials, make), trials.is_over)
        if ops:
            name = f"FULL_INTEGER, {len(ops)} ops in float, weights in {storage.value}"
            name = ", ".join([name, *model.repairs])
            trials.attempt(name, functools.partial(make, ops))
            return {name: ops}
    return {}


def _holds(trials: Trials, make: Callable[[Sequence[str]], bytes], ops: Sequence[str]) -> bool:
    return trials.measured(make(ops)).holds


def _measure_latency(trials: Trials) -> None:
    holding = [trial.name for trial in trials.found.values() if trial.may_be_chosen]
    models = {name: TFLiteModel(trials.path(name)) for name in holding}
    for name, timing in measure_in_turns(models, trials.judge.one_batch).items():
        trials.found[name] = dataclasses.replace(
            trials.found[name], latency_ms=timing.median_ms, latency_noise_ms=timing.noise_ms
        )


def _choose(trials: Trials, confirm: Callable[[], Judge], auto: Auto) -> str:
    """The best trial that holds the budget on fresh examples too; the float model if none does."""
    fresh = confirm()
    for trial in ordered(list(trials.found.values()), auto):
        judged = _confirmed(trial, trials, fresh)
        trials.found[trial.name] = judged
        if judged.confirmed:
            return trial.name
    if auto.integer_only:
        raise VerificationError(_no_integer_model(trials))
    return "NONE"


def _confirmed(trial: Trial, trials: Trials, fresh: Judge) -> Trial:
    """The trial, compared on fresh examples; a near miss on those of the search with them, too."""
    path, is_float = trials.path(trial.name), trial.name == "NONE"
    quality, where = fresh(path, is_float), "on fresh examples"
    if quality.holds and not trial.holds:
        quality = trials.judge.joined(fresh)(path, is_float)
        where = "on the examples of the search and fresh ones together"
    return dataclasses.replace(
        trial,
        holds=trial.holds or quality.holds,
        confirmed=quality.holds,
        why_not="; ".join(f"{where}, {failure}" for failure in quality.failures),
    )


def ordered(trials: Sequence[Trial], auto: Auto) -> list[Trial]:
    """The trials that may be chosen, the best first.

    For SIZE, those nearly as small as the smallest are ordered by quality; for LATENCY, those as
    fast as the fastest within the noise are ordered by size.
    """
    able = [t for t in trials if t.may_be_chosen and (t.is_integer_only or not auto.integer_only)]
    if auto.minimize == Auto.SIZE:
        enough = _SAME_SIZE * min((t.size_bytes for t in able), default=0)
        return sorted(able, key=lambda t: (max(t.size_bytes, enough), -t.sqnr_db))
    timed = [(t.latency_ms or 0.0, t.latency_noise_ms or 0.0, t) for t in able]
    fastest = min((latency + noise for latency, noise, _ in timed), default=0.0)
    return [
        t
        for *_, t in sorted(
            (0.0, t.size_bytes, t.name, t)
            if latency - noise <= fastest
            else (latency, t.size_bytes, t.name, t)
            for latency, noise, t in timed
        )
    ]


def _no_integer_model(trials: Trials) -> str:
    integer = [trial for trial in trials.found.values() if trial.is_integer_only]
    if not integer:
        return "No integer-only model could be made."
    best = max(integer, key=lambda trial: trial.sqnr_db)
    return (
        f"No integer-only model is within the budget. The best is {best.name}: {best.why_not}. "
        "Leave out quantization.auto.integer_only, or lower the limits of `verification`."
    )


def _outcome(
    chosen: str,
    trials: Trials,
    ranking: Sequence[OpCost],
    kept: Sequence[str],
    auto: Auto,
    calibration_examples: int,
) -> Outcome:
    front = on_front(list(trials.found.values()))
    costs = {cost.tensor: cost for cost in ranking}
    return Outcome(
        minimize=Auto.Minimize.Name(auto.minimize),
        chosen=chosen,
        calibration_examples=calibration_examples,
        search_examples=trials.judge.num_examples,
        trials=tuple(
            dataclasses.replace(trial, on_front=name in front)
            for name, trial in trials.found.items()
        ),
        ranking=tuple(ranking),
        kept_float=tuple(_kept(costs[tensor]) for tensor in kept if tensor in costs),
        step_seconds=dict(trials.step_seconds),
        skipped=tuple(trials.skipped),
    )


def _kept(cost: OpCost) -> KeptFloat:
    return KeptFloat(
        cost.op, cost.tensor, f"quantizing it leaves {cost.sqnr_db:.1f} dB, with all else in float"
    )
