"""Weights stored in fewer bits: the size, the error, and what stays float."""

import numpy as np
import pytest
from searchable import Case, make_case, normal

from tfx_tflite_component.quantization.weight_storage import Storage, store_weights


@pytest.fixture(scope="module")
def case() -> Case:
    first, second = normal(16, 64), normal(64, 8, seed=1)
    return make_case(lambda x: x @ first @ second + 1, x=normal(32, 16, seed=2))


@pytest.mark.parametrize(
    ("storage", "share", "decibels"), [(Storage.FLOAT16, 0.75, 60), (Storage.INT8, 0.6, 35)]
)
def test_file_is_smaller_and_outputs_stay(
    storage: Storage, share: float, decibels: float, case: Case
) -> None:
    stored = store_weights(case.content, storage)
    assert len(stored) < share * len(case.content)
    assert case.decibels(stored) > decibels


def test_weights_beyond_half_floats_stay_float32() -> None:
    weights = normal(16, 64) * np.float32(1e6)
    case = make_case(lambda x: x @ weights, x=normal(32, 16, seed=2))
    assert case.decibels(store_weights(case.content, Storage.FLOAT16)) > 80


def test_storing_twice_is_the_same_as_once(case: Case) -> None:
    stored = store_weights(case.content, Storage.INT8)
    assert store_weights(stored, Storage.INT8) == stored
