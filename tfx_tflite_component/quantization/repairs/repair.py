"""Tries the graph repairs one by one, and keeps those that improve the integer model."""

from collections.abc import Iterator

from tfx_tflite_component.quantization import recipes
from tfx_tflite_component.quantization.float_model import FloatModel
from tfx_tflite_component.quantization.outcome import Trial
from tfx_tflite_component.quantization.repairs.concat_scales import scale_concatenations
from tfx_tflite_component.quantization.repairs.equalization import equalize
from tfx_tflite_component.quantization.repairs.masks import clipped_masks
from tfx_tflite_component.quantization.trials import Trials

_MIN_GAIN_DB, _MIN_GAIN_OF_PERCENTILES_DB = 0.5, 3.0
"""What a repair has to gain; percentiles more, since they clip some examples."""

_SAME_DB, _LOSS_DB = 60.0, 6.0
"""A repair leaves the float model as it is with this SQNR, or with a loss of no more than that."""


def repair(model: FloatModel, trials: Trials) -> FloatModel:
    """Repairs a float model as long as that improves its integer form.

    Args:
        model: The float model, whose candidates NONE and FULL_INTEGER were tried.
        trials: Where each attempt is recorded.

    Returns:
        The repaired model; the same if no repair helped.
    """
    best = trials.found["FULL_INTEGER"]
    for propose in (_masks, _concatenations, _equalization, _percentiles):
        # the proposals of one kind all start from the same model
        for proposed in propose(model, trials) if not best.holds else ():
            trial = attempt(trials, "FULL_INTEGER", proposed)
            gain = _MIN_GAIN_OF_PERCENTILES_DB if propose is _percentiles else _MIN_GAIN_DB
            if trial.sqnr_db > best.sqnr_db + gain:
                model, best = proposed, trial
            elif trial.may_be_chosen:
                # with so many attempts, one that is no better would pass by chance
                trials.refuse(trial, f"the repair gains less than {gain:g} dB")
    return model


def attempt(trials: Trials, recipe: str, model: FloatModel) -> Trial:
    """Tries a recipe on a model, under the names of the recipe and of the model's repairs."""
    name = ", ".join([recipe, *model.repairs])
    return trials.attempt(name, lambda: recipes.BY_NAME[recipe](model))


def _masks(model: FloatModel, trials: Trials) -> Iterator[FloatModel]:
    found = clipped_masks(model.content, lambda changed: _is_same(changed, trials))
    for limit, content in found:
        if _is_same(content, trials):
            yield model.repaired(f"MASKS_AT_{limit:g}", content)


def _concatenations(model: FloatModel, trials: Trials) -> Iterator[FloatModel]:
    content = scale_concatenations(model.content, model.observed)
    if content is not None and _is_same(content, trials):
        yield model.repaired("CONCAT_SCALES", content)


def _equalization(model: FloatModel, trials: Trials) -> Iterator[FloatModel]:
    content = equalize(model.content, model.observed)
    if content is not None and _is_same(content, trials):
        yield model.repaired("EQUALIZATION", content)


def _percentiles(model: FloatModel, _: Trials) -> Iterator[FloatModel]:
    yield model.without_outliers()


def _is_same(content: bytes, trials: Trials) -> bool:
    """Whether a repaired float model still computes what the float model does."""
    least = min(_SAME_DB, trials.found["NONE"].sqnr_db - _LOSS_DB)
    return trials.measured(content).sqnr_db >= least
