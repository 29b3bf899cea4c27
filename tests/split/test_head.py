"""What feeds signatures that take tensors."""

import pytest
import tensorflow as tf
from models import example

from tfx_tflite_component.split.head import matching_feed
from tfx_tflite_component.split.sizes import batched_inputs


def _feed(**specs):
    made = {name: tf.TensorSpec(*spec, name) for name, spec in specs.items()}
    return matching_feed(made, batched_inputs(made))


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (tf.float32, [0.5, 2.0], [0.5, 2.0]),
        (tf.float16, [0.5, 2.0], [0.5, 2.0]),
        (tf.float64, [0.5, 2.0], [0.5, 2.0]),
        (tf.int64, [2**40, -1], [2**40, -1]),
        (tf.int32, [7, -1], [7, -1]),
        (tf.uint8, [255, 0], [255, 0]),
        (tf.bool, [1, 0], [True, False]),
        (tf.string, ["a", ""], [b"a", b""]),
    ],
)
def test_input_is_the_feature_of_its_name_in_its_dtype(dtype, values, expected):
    feed = _feed(x=([None, 2], dtype), other=([None, 1], tf.float32))
    found = feed(tf.constant([example(x=values, other=[9.0])] * 2))
    assert found["x"].dtype == dtype
    assert found["x"].numpy().tolist() == [expected] * 2
    assert found["other"].numpy().tolist() == [[9.0]] * 2


def test_input_with_one_more_size_unknown_is_as_long_as_the_longest():
    feed = _feed(x=([None, None, 2], tf.float32))
    found = feed(tf.constant([example(x=[1.0, 2.0, 3.0, 4.0]), example(x=[5.0, 6.0])]))
    assert found["x"].numpy().tolist() == [[[1, 2], [3, 4]], [[5, 6], [0, 0]]]


@pytest.mark.parametrize(
    "spec",
    [
        ([], tf.float32),
        ([None], tf.complex64),
        ([None, None, None], tf.float32),
        (None, tf.float32),
    ],
    ids=["scalar", "complex", "two sizes unknown", "rank unknown"],
)
def test_no_feed_for_inputs_that_no_example_can_hold(spec):
    assert _feed(fine=([None], tf.float32), x=spec) is None
