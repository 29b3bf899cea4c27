"""That graphs of 16-bit floats are computed in 32 bits, and come out as the SavedModel rounds."""

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from lowerings import Compute, converted, lowered_ops
from quantizable import rewritten

_ROWS = np.float32([[1, -2, 0.5, 1], [0, -0.0, 1e-3, -1e-7], [3, 4, 1.1, 60000]])
_WEIGHTS = tf.constant(np.random.default_rng(0).normal(size=[4, 3]))


def _product(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.softmax(tf.cast(x, tf.float16)[:, :2] @ tf.cast(_WEIGHTS[:2], tf.float16))


def _loop(x: tf.Tensor) -> tf.Tensor:
    half = tf.cast(x, tf.float16)

    def step(i: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return i + 1, total / 2 + half

    return tf.while_loop(lambda i, _: i < tf.shape(x)[0], step, [0, half])[1]


def _branch(x: tf.Tensor) -> tf.Tensor:
    half = tf.cast(x, tf.float16)
    return tf.cond(tf.shape(x)[0] > 2, lambda: half * 2, lambda: half - 1)


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda x: tf.cast(x, tf.float16) * 2 - 1, id="products"),
        pytest.param(lambda x: tf.maximum(tf.cast(x, tf.bfloat16), 0), id="bfloat16"),
        pytest.param(_loop, id="loop"),
        pytest.param(_branch, id="branch"),
        pytest.param(_product, id="matrix"),
    ],
)
def test_result_is_the_same_but_for_rounding(compute: Compute, tmp_path: pathlib.Path) -> None:
    def in_floats(x: tf.Tensor) -> tf.Tensor:
        return tf.cast(compute(x), tf.float32)

    lowered = converted(tmp_path, in_floats, ([None, 4], tf.float32))
    assert lowered.split.lowered["half_floats"]
    rows = _ROWS / np.float32([1, 1, 1, 8])
    expected = lowered.signature(x0=tf.constant(rows))["y"]
    np.testing.assert_allclose(lowered.model({"x0": rows})["y"], expected, rtol=1e-2, atol=1e-2)


def test_inputs_and_outputs_stay_half_floats(tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, lambda x: tf.nn.relu(x) * 2, ([None, 4], tf.float16))
    lowered.check_same((_ROWS / 4).astype(np.float16))


def test_variables_stay_half_floats_in_a_loop(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.scale = tf.Variable(tf.constant([0.5, 2, 1, 3], tf.float16))

    def compute(x: tf.Tensor) -> tf.Tensor:
        def step(i: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return i + 1, total * module.scale

        half = tf.cast(x, tf.float16) + module.scale
        count = tf.shape(x)[0]
        return tf.cast(tf.while_loop(lambda i, _: i < count, step, [0, half])[1], tf.float32)

    lowered = converted(tmp_path, compute, ([None, 4], tf.float32), module=module)
    lowered.check_same(np.float32([[1, 2, 3, 4], [-1, 0, 8, 0.25]]))


def test_bits_of_half_floats_are_not_changed(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.bitcast(tf.cast(x, tf.float16), tf.int16)

    assert "half_floats" not in lowered_ops(tmp_path, compute, ([None], tf.float32))


def _convolution(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            k.Input([8, 8, 2]),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(3, dtype="float32"),
        ]
    )


@pytest.mark.parametrize("policy", ["mixed_float16", "float16"])
@pytest.mark.parametrize(
    ("generation", "set_policy"),
    [
        pytest.param(keras, keras.config.set_dtype_policy, id="keras 3"),
        pytest.param(tf_keras, tf_keras.mixed_precision.set_global_policy, id="tf_keras"),
    ],
)
def test_keras_policies_of_half_floats_are_converted(
    generation: Any, set_policy: Callable[[str], None], policy: str, tmp_path: pathlib.Path
) -> None:
    set_policy(policy)
    try:
        _convolution(generation).export(str(tmp_path / "model"))
    finally:
        set_policy("float32")
    report = rewritten(tmp_path / "model", tmp_path / "out", {}).report
    assert report.verification is not None
    assert report.verification.precision == "float16"
    assert report.lowered["half_floats"]
