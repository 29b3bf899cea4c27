"""The graph repairs: that each keeps the float outputs, and helps the model that it is for."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
from searchable import (
    Case,
    make_case,
    masked_scores,
    normal,
    outliers,
    unlike_channels,
    unlike_features,
)

from tfx_tflite_component.quantization import recipes
from tfx_tflite_component.quantization.float_model import FloatModel
from tfx_tflite_component.quantization.outcome import Trial
from tfx_tflite_component.quantization.quality import Quality
from tfx_tflite_component.quantization.repairs.concat_scales import scale_concatenations
from tfx_tflite_component.quantization.repairs.equalization import equalize
from tfx_tflite_component.quantization.repairs.masks import clipped_masks
from tfx_tflite_component.quantization.repairs.repair import repair
from tfx_tflite_component.quantization.trials import Trials


def _equalized(model: FloatModel) -> bytes | None:
    return equalize(model.content, model.observed)


def _scaled(model: FloatModel) -> bytes | None:
    return scale_concatenations(model.content, model.observed)


def _clipped(model: FloatModel) -> bytes | None:
    *_, (_, strictest) = clipped_masks(model.content, lambda changed: True)
    return strictest


@pytest.fixture(scope="module", params=[unlike_channels, unlike_features, masked_scores])
def case(request: pytest.FixtureRequest) -> tuple[Callable[[], Case], Case]:
    return request.param, request.param()


_REPAIRS = {unlike_channels: _equalized, unlike_features: _scaled, masked_scores: _clipped}


def test_repair_keeps_float_outputs_and_makes_integers_good(
    case: tuple[Callable[[], Case], Case],
) -> None:
    make, found = case
    repaired = _REPAIRS[make](found.model)
    assert repaired is not None
    assert found.decibels(repaired) > 80
    before = _integer_decibels(found, found.content)
    after = _integer_decibels(found, repaired)
    assert before < 17
    assert after > before + 10


def _integer_decibels(case: Case, content: bytes) -> float:
    try:
        return case.decibels(recipes.full_integer(FloatModel(content, case.feeds)))
    except RuntimeError:
        # the interpreter refuses scales that are too far apart
        return -np.inf


def test_percentile_ranges_make_typical_examples_good() -> None:
    case = outliers()
    plain = recipes.full_integer(case.model)
    narrowed = recipes.full_integer(case.model.without_outliers())
    typical = Case(
        case.content,
        {"x": np.delete(case.inputs["x"], 7, axis=0)},
        np.delete(case.expected, 7, axis=0),
    )
    assert typical.decibels(narrowed) > typical.decibels(plain) + 10


class _Judge:
    """Finds every model good, with the same SQNR."""

    def __call__(self, path: pathlib.Path, is_float: bool = False) -> Quality:
        return Quality(25.0, None, ())


def test_repair_that_gains_too_little_is_no_candidate(tmp_path: pathlib.Path) -> None:
    dense = normal(4, 6)
    model = make_case(lambda x: x @ dense, x=normal(8, 4)).model
    trials = Trials(_Judge(), tmp_path, max_seconds=600)
    trials.found["FULL_INTEGER"] = Trial("FULL_INTEGER", 1, 24.0, None, False, True, 0.0)
    assert repair(model, trials) is model
    assert not trials.found["FULL_INTEGER, PERCENTILE_RANGES"].may_be_chosen


def test_model_without_a_fault_is_not_repaired() -> None:
    dense = normal(4, 6)
    case = make_case(lambda x: x @ dense, x=normal(8, 4))
    assert _equalized(case.model) is None
    assert _scaled(case.model) is None
    assert list(clipped_masks(case.content, lambda changed: True)) == []


def test_constant_that_only_looks_like_a_mask_stays() -> None:
    assert list(clipped_masks(unlike_features().content, lambda changed: False)) == []
