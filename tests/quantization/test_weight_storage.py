"""Weights stored in fewer bits: the size, the error, and what stays float."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from searchable import Case, make_case, normal
from tensorflow.lite.python import schema_py_generated as schema

from tfx_tflite_component.quantization.weight_storage import Storage, store_weights
from tfx_tflite_component.tflite.model_edit import compact, unpack


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


def test_one_scale_per_tensor_takes_fewer_bytes(case: Case) -> None:
    one = store_weights(case.content, Storage.INT8, per_channel=False)
    # 64 and 8 channels had a scale and a zero point each
    assert len(one) < len(store_weights(case.content, Storage.INT8)) - 500
    assert case.decibels(one) > 30


def test_compact_file_computes_the_same_without_empty_buffers(case: Case) -> None:
    smaller = compact(case.content)
    assert len(smaller) < len(case.content)
    assert case.decibels(smaller) > 120
    first, *others = unpack(smaller).buffers
    assert first.data is None
    assert all(len(buffer.data) for buffer in others)


def test_weights_beyond_half_floats_stay_float32() -> None:
    weights = normal(16, 64) * np.float32(1e6)
    case = make_case(lambda x: x @ weights, x=normal(32, 16, seed=2))
    assert case.decibels(store_weights(case.content, Storage.FLOAT16)) > 80


_TINY = np.float32([1, 1e-6, 3e-8])


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda x: x[:, :1] * np.tile(_TINY, 80), id="factors"),
        pytest.param(lambda x: np.tile(_TINY, 80) / (x[:, :1] + 9), id="dividend"),
        pytest.param(
            lambda x: tf.gather(np.repeat(_TINY[:, None], 80, 1), tf.cast(x[:, 0] > 0, tf.int32)),
            id="rows",
        ),
        pytest.param(lambda x: x @ np.tile(_TINY, [16, 80]), id="columns"),
        pytest.param(lambda x: x[:, :1] + np.tile(_TINY, 80) * 3e9, id="large addends"),
    ],
)
def test_constants_that_would_lose_more_than_rounding_stay_float32(
    compute: Callable[[tf.Tensor], tf.Tensor],
) -> None:
    case = make_case(compute, x=normal(32, 16, seed=2))
    assert not _float16_tensors(store_weights(case.content, Storage.FLOAT16))


def test_small_addends_beside_larger_ones_are_stored_in_16_bits() -> None:
    case = make_case(lambda x: x[:, :1] + np.tile(_TINY, 80), x=normal(32, 16, seed=2))
    stored = store_weights(case.content, Storage.FLOAT16)
    assert _float16_tensors(stored)
    assert case.decibels(stored) > 60


def _float16_tensors(content: bytes) -> list[schema.TensorT]:
    tensors = [tensor for graph in unpack(content).subgraphs for tensor in graph.tensors]
    return [tensor for tensor in tensors if tensor.type == schema.TensorType.FLOAT16]


def test_storing_twice_is_the_same_as_once(case: Case) -> None:
    stored = store_weights(case.content, Storage.INT8)
    assert store_weights(stored, Storage.INT8) == stored
