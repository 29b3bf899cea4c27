"""The inputs of targets: the same bytes for every runtime."""

import numpy as np
import pytest

from tfx_tflite_component.targets.inputs import calls_of_examples, random_calls, real_outputs
from tfx_tflite_component.tflite.graph_io import GraphIO
from tfx_tflite_component.tflite.interpreter import TensorDetails


def _details(shape, dtype=np.float32, scales=(), zero_points=()):
    return TensorDetails(
        index=0,
        dtype=dtype,
        shape=shape,
        scales=np.array(scales, np.float64),
        zero_points=np.array(zero_points),
        channel_axis=0,
    )


def _io(**inputs):
    return GraphIO("serving_default", inputs, {})


def test_dynamic_batch_is_run_one_by_one():
    calls = list(calls_of_examples(_io(x=_details((-1, 2))), {"x": np.arange(6.0).reshape(3, 2)}))
    assert [call[0].tolist() for call in calls] == [[[0, 1]], [[2, 3]], [[4, 5]]]
    assert calls[0][0].dtype == np.float32


def test_fixed_batch_is_filled_up_with_the_last_example():
    calls = list(calls_of_examples(_io(x=_details((2, 1))), {"x": np.arange(3.0).reshape(3, 1)}))
    assert [call[0].tolist() for call in calls] == [[[0], [1]], [[2], [2]]]


def test_real_values_are_quantized_for_an_integer_input():
    io = _io(x=_details((-1, 3), np.int8, [0.5], [10]))
    (call,) = calls_of_examples(io, {"x": np.array([[0.0, 1.0, 1000.0]], np.float32)})
    assert call[0].tolist() == [[10, 12, 127]]
    assert call[0].dtype == np.int8


def test_wide_integers_are_narrowed_to_the_input():
    (call,) = calls_of_examples(_io(x=_details((-1,), np.int32)), {"x": np.array([7], np.int64)})
    assert call[0].dtype == np.int32


def test_words_travel_as_bytes():
    io = _io(x=_details((-1,), np.bytes_))
    (call,) = calls_of_examples(io, {"x": np.array([b"word"], object)})
    assert call[0].dtype.kind == "S"


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.int32, np.bool_, np.bytes_])
def test_random_inputs_are_the_same_each_time_and_differ_from_each_other(dtype):
    io = _io(x=_details((-1, 16), dtype, [0.1] if dtype is np.int8 else [], [0]))
    first, again = (list(random_calls(io, 3)) for _ in range(2))
    assert [call[0].shape for call in first] == [(1, 16)] * 3
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    assert (first[0][0] != first[1][0]).any()


def test_outputs_are_real_values_by_name():
    io = GraphIO(
        "", {}, {"y": _details((1, 2), np.int8, [0.5], [1]), "n": _details((1,), np.int32)}
    )
    found = real_outputs(io, {0: np.array([[1, 3]], np.int8), 1: np.array([4], np.int32)})
    assert found["y"].tolist() == [[0.0, 1.0]]
    assert found["n"].tolist() == [4]
