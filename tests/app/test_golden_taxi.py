"""Golden vectors of the stock Chicago taxi model catch an app that feeds it wrongly."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
from pipelines import PipelineRun
from tfx.utils import path_utils
from workers import WorkerInProcess

from tfx_tflite_component.app.check import check_golden, output_mismatches
from tfx_tflite_component.app.golden import Golden, read_golden, to_array
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model
from tfx_tflite_component.tflite.interpreter import TFLiteModel

pytestmark = pytest.mark.slow

Arrays = dict[str, np.ndarray]


def _swapped(first: str, second: str) -> Callable[[Arrays], Arrays]:
    return lambda given: {first: given[second], second: given[first]}


_WRONG: dict[str, Callable[[Arrays], Arrays]] = {
    "fare for miles": _swapped("fare", "trip_miles"),
    "pickup for dropoff": _swapped("pickup_latitude", "dropoff_latitude"),
    "latitude for longitude": _swapped("pickup_latitude", "pickup_longitude"),
    "hour for day": _swapped("trip_start_hour", "trip_start_day"),
    "longitude without its sign": lambda g: {"dropoff_longitude": np.abs(g["dropoff_longitude"])},
    "minutes for seconds": lambda g: {"trip_seconds": g["trip_seconds"] // 60},
    "fare in cents": lambda g: {"fare": g["fare"] * 100},
    "hours of a clock": lambda g: {"trip_start_hour": g["trip_start_hour"] % 12},
    "months counted from 0": lambda g: {
        "trip_start_month": np.maximum(g["trip_start_month"] - 1, 0)
    },
    "companies counted from 1": lambda g: {"company_xf": g["company_xf"] + 1},
    "payments all unknown": lambda g: {"payment_type_xf": np.zeros_like(g["payment_type_xf"])},
}


@pytest.fixture(scope="module")
def folder(taxi: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What a conversion of the trained model wrote."""
    folder = tmp_path_factory.mktemp("taxi")
    source = path_utils.serving_model_path(str(taxi.artifact("Trainer", "model")))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        rewrite_saved_model(
            source,
            folder / "taxi.tflite",
            "input_boundary: PER_FEATURE app { golden_vectors: 64 }",
        )
    return folder


@pytest.fixture(scope="module")
def golden(folder: pathlib.Path) -> Golden:
    """Its golden vectors."""
    return read_golden(folder / "taxi.golden.json")


def test_model_passes(folder: pathlib.Path, golden: Golden) -> None:
    check = check_golden(folder / "taxi.tflite", golden)
    assert (check.is_same_model, check.num_vectors, check.mismatches) == (True, 64, ())


@pytest.mark.parametrize("mistake", _WRONG)
def test_wrong_input_is_caught_by_the_outputs(
    folder: pathlib.Path, golden: Golden, mistake: str
) -> None:
    model = TFLiteModel(folder / "taxi.tflite")
    caught = 0
    for position, vector in enumerate(golden.vectors):
        given = {name: to_array(array) for name, array in vector.inputs.items()}
        wrong = {name: a.astype(given[name].dtype) for name, a in _WRONG[mistake](given).items()}
        caught += bool(list(output_mismatches(vector, model({**given, **wrong}), position)))
    assert caught


def test_buckets_classes_and_words_are_covered(golden: Golden) -> None:
    covered = {case for vector in golden.vectors for case in vector.covers}
    for place in ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude"):
        assert {f"{place}: bucket {bucket} of 10" for bucket in range(10)} <= covered
    assert {f"trip_start_hour: {hour}" for hour in range(24)} <= covered
    assert "payment_type: word Cash" in covered
    assert "company: unknown word" in covered
    assert golden.not_covered == ()
    assert golden.hidden_inputs == ()
