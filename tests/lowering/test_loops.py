"""That unrolled loops compute what the loops compute."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted, saved, split_lowered

from tfx_tflite_component.config import given_config
from tfx_tflite_component.conversion.loops import check_loops
from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.lowering.passes.loops import LOOPS

_STEPS, _UNITS = 4, 3
_ROWS = np.arange(2 * _STEPS * _UNITS, dtype=np.float32).reshape(2, _STEPS, _UNITS) / 10


def _recurrent(x: tf.Tensor) -> tf.Tensor:
    """What a recurrent layer writes: a loop over a list of steps, into another list."""
    steps = tf.TensorArray(tf.float32, _STEPS).unstack(tf.transpose(x, [1, 0, 2]))
    results = tf.TensorArray(tf.float32, _STEPS, element_shape=[None, _UNITS])
    weights = tf.reshape(tf.range(9.0), [3, 3]) / 10

    def step(i: tf.Tensor, state: tf.Tensor, results: tf.TensorArray) -> tuple:
        state = tf.tanh(steps.read(i) + state @ weights)
        return i + 1, state, results.write(i, state)

    start = (0, tf.zeros([tf.shape(x)[0], _UNITS]), results)
    _, state, results = tf.while_loop(lambda i, *_: i < _STEPS, step, start)
    return tf.transpose(results.stack(), [1, 0, 2]) + state[:, tf.newaxis]


def test_recurrent_loop_of_an_open_batch_becomes_builtin_ops(tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, _recurrent, ([None, _STEPS, _UNITS], tf.float32))
    assert "WHILE" not in lowered.ops
    assert set(lowered.split.lowered) >= {"loops", "lists"}
    for rows in (_ROWS, _ROWS[:1]):
        expected = lowered.signature(x0=tf.constant(rows))["y"]
        np.testing.assert_allclose(lowered.model({"x0": rows})["y"], expected, atol=1e-6)


def _calibrated_tail(
    folder: pathlib.Path, compute: Compute, *specs: tuple[list[int | None], type]
) -> tuple[set[str], ConcreteFunction]:
    signature = load_signature(saved(folder, compute, *specs), "serving_default")
    parts = split_lowered(signature, is_calibrated=True)
    ops = {op.type for op in parts.tail.function.graph.get_operations()}
    return ops, parts.tail.function


def test_loop_whose_step_depends_on_its_number_is_unrolled(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        def step(i: tf.Tensor, scale: tf.Tensor, y: tf.Tensor) -> tuple:
            return i + 2, scale * 3, y * scale + tf.cast(i, tf.float32)

        return tf.while_loop(lambda i, *_: i < 7, step, (1, 2.0, x))[2]

    ops, tail = _calibrated_tail(tmp_path, compute, ([None], tf.float32))
    assert ops.isdisjoint(LOOPS)
    x = np.float32([0, 1, -2])
    (found,) = tail(tf.constant(x)).values()
    np.testing.assert_array_equal(found, ((x * 2 + 1) * 6 + 3) * 18 + 5)


def test_loop_without_a_step_returns_its_initial_values(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.while_loop(lambda i, _: i < 0, lambda i, y: (i + 1, y * 2), (0, x))[1] + 1

    ops, tail = _calibrated_tail(tmp_path, compute, ([None], tf.float32))
    assert ops.isdisjoint(LOOPS)
    (found,) = tail(tf.constant([1.0])).values()
    np.testing.assert_array_equal(found, [2])


def test_loop_with_data_dependent_length_is_unchanged(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.while_loop(lambda y: tf.reduce_sum(y) < 10, lambda y: [y + 1], [x])[0]

    ops, _ = _calibrated_tail(tmp_path, compute, ([None], tf.float32))
    assert not ops.isdisjoint(LOOPS)


def test_elements_that_no_step_set_are_zeros(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        array = tf.TensorArray(tf.float32, 3, element_shape=[2])
        return array.write(1, x).stack()

    lowered = converted(tmp_path, compute, ([2], tf.float32))
    assert "lists" in lowered.split.lowered
    lowered.check_same(np.float32([1, 2]))


def test_loop_that_cannot_be_calibrated_is_refused_with_its_name(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.while_loop(
            lambda y: tf.reduce_sum(y) < 10, lambda y: [y + 1], [x], name="until_ten"
        )[0]

    signature = load_signature(saved(tmp_path, compute, ([2], tf.float32)), "serving_default")
    config = given_config("quantization { mode: FULL_INTEGER }")
    with pytest.raises(ConversionError, match=r"until_ten.*DYNAMIC_RANGE"):
        check_loops(split_lowered(signature, is_calibrated=True).tail, config)
