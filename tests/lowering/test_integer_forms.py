"""That what integers cannot compute in one form is computed in another."""

import pathlib
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from lowerings import saved
from models import example
from quantizable import rewritten
from versions import OF_NO_VERSION

from tfx_tflite_component.errors import ConversionError, VerificationError
from tfx_tflite_component.graph.flat_graph import flatten
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.lowering.lower import lower

_MODES = ("FULL_INTEGER", "INT16_ACTIVATIONS")


def _weights(*shape: int, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=shape) / shape[0] ** 0.5
    return values.astype(np.float32)


_FIRST, _SECOND, _LAST = (
    _weights(16, 64, seed=0),
    _weights(64, 32, seed=1),
    _weights(32, 4, seed=2),
)


def _examples(name: str, count: int = 200) -> list[bytes]:
    random = np.random.default_rng(0)
    return [example(**{name: random.normal(size=16).tolist()}) for _ in range(count)]


def _decibels(source: pathlib.Path, folder: pathlib.Path, mode: str) -> float:
    signature = load_signature(source, "serving_default")
    (name,) = flatten(signature).inputs
    examples = _examples(name)
    config = {"quantization": {"mode": mode}}
    report = rewritten(source, folder, config, examples[:100], examples[100:]).report
    assert report.verification is not None
    (output,) = report.verification.outputs.values()
    assert output.sqnr_db is not None
    return output.sqnr_db


@pytest.mark.all_rows
@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda x: -(x @ _FIRST) @ _SECOND, id="negation"),
        pytest.param(lambda x: tf.square(x @ _FIRST) @ _SECOND, id="square"),
        pytest.param(
            lambda x: (
                tf.reshape(
                    tf.math.squared_difference(tf.reshape(x @ _FIRST, [-1, 2, 2, 4, 4]), 0.5),
                    [-1, 64],
                )
                @ _SECOND
            ),
            id="squared difference of five dimensions",
        ),
        pytest.param(
            lambda x: tf.nn.l2_normalize(tf.nn.relu(x @ _FIRST) @ _SECOND, -1) @ _LAST,
            id="L2 normalization",
        ),
        pytest.param(lambda x: tf.reduce_sum(tf.nn.relu(x @ _FIRST), -1, keepdims=True), id="sum"),
        pytest.param(
            lambda x: tf.math.squared_difference(x @ _FIRST, x[:, :1]) @ _SECOND,
            id="squared difference",
        ),
    ],
)
def test_integers_are_near_the_floats(compute: Any, mode: str, tmp_path: pathlib.Path) -> None:
    source = saved(tmp_path, compute, ([None, 16], tf.float32))
    assert _decibels(source, tmp_path / "out", mode) > 18


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("generation", [keras, tf_keras], ids=["keras 3", "tf_keras"])
def test_layer_normalization_has_integers_only(
    generation: Any, mode: str, tmp_path: pathlib.Path
) -> None:
    layers = generation.layers
    model = generation.Sequential(
        [
            generation.Input([16]),
            layers.Dense(32),
            layers.LayerNormalization(),
            layers.Dense(4),
        ]
    )
    model.export(str(tmp_path / "model"))
    assert _decibels(tmp_path / "model", tmp_path / "out", mode) > 18


@pytest.mark.parametrize("axis", [-1, 0])
def test_one_hot_of_8_bits_is_exact(axis: int, tmp_path: pathlib.Path) -> None:
    def compute(number: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        chosen = tf.one_hot(number[:, 0], 4, axis=axis)
        # a wider range than that of 0 and 1
        return tf.concat([chosen if axis else tf.transpose(chosen), x], axis=1)

    source = saved(tmp_path, compute, ([None, 1], tf.int64), ([None, 3], tf.float32))
    records = [example(x0=[index % 5], x1=[-2.0, 0.5, 2.0]) for index in range(60)]
    config = {"quantization": {"mode": "FULL_INTEGER"}}
    report = rewritten(source, tmp_path / "out", config, records[:30], records[30:]).report
    assert report.lowered["one_hot"]
    assert report.verification is not None
    assert report.verification.outputs["y"].max_abs_error < 0.02


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_batch_statistics_are_the_same_in_floats(data_format: str, tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.compat.v1.nn.fused_batch_norm(
            x, [1.0, 2, 3], [0.5, 0, -1], epsilon=1e-3, data_format=data_format
        )[0]

    shape = [None, 3, 3, 3]
    signature = load_signature(saved(tmp_path, compute, (shape, tf.float32)), "serving_default")
    graph = flatten(signature)
    lowered, names = lower(graph, is_calibrated=True, is_16_bit=True)
    assert "batch_statistics" in names
    x = np.random.default_rng(0).normal(2, 3, [2, 3, 3, 3]).astype(np.float32)
    if data_format == "NHWC":  # a CPU computes no other
        expected = signature(x0=tf.constant(x))["y"]
    else:
        moments = tf.nn.moments(x, [0, 2, 3], keepdims=True)
        scale, offset = (np.float32(v).reshape(1, 3, 1, 1) for v in ([1, 2, 3], [0.5, 0, -1]))
        expected = tf.nn.batch_normalization(x, *moments, offset, scale, 1e-3)
    feeds = {lowered.inputs["x0"]: tf.constant(x)}
    (found,) = tf.function(
        lambda: lowered.import_part([lowered.outputs["y"]], feeds), autograph=False
    )()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_bias_of_one_channel_is_added_to_a_transposed_convolution(tmp_path: pathlib.Path) -> None:
    kernel = _weights(3, 3, 1, 1, seed=3)

    def compute(x: tf.Tensor) -> tf.Tensor:
        maps = tf.nn.relu(tf.reshape(x, [1, 4, 4, 1]))
        return tf.nn.conv2d_transpose(maps, kernel, [1, 8, 8, 1], 2) + tf.fill([1, 1, 1, 1], 0.5)

    source = saved(tmp_path, compute, ([1, 16], tf.float32))
    assert _decibels(source, tmp_path / "out", "INT16_ACTIVATIONS") > 30


def test_sum_with_zeros_has_16_bits(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.offsets = tf.Variable(tf.zeros([64]))

    def compute(x: tf.Tensor) -> tf.Tensor:
        return (tf.nn.relu(x @ _FIRST) * 1e-3 + module.offsets) @ _SECOND

    source = saved(tmp_path, compute, ([None, 16], tf.float32), module=module)
    assert _decibels(source, tmp_path / "out", "INT16_ACTIVATIONS") > 18


def _embedding(folder: pathlib.Path) -> pathlib.Path:
    table = _weights(16, 8, seed=4)

    def compute(x: tf.Tensor) -> tf.Tensor:
        indices = tf.cast(x[:, :4] * 3, tf.int32)
        wrapped = tf.where(indices < 0, indices + 16, indices)
        return tf.reduce_mean(tf.gather(table, wrapped), axis=1) @ _weights(8, 3, seed=5)

    return saved(folder, compute, ([None, 16], tf.float32))


def test_negative_indices_count_from_the_end(tmp_path: pathlib.Path) -> None:
    signature = load_signature(_embedding(tmp_path), "serving_default")
    lowered, names = lower(flatten(signature), is_calibrated=True, is_16_bit=True)
    assert names["negative_indices"]
    x = np.linspace(-5, 5, 32, dtype=np.float32).reshape(2, 16)
    feeds = {lowered.inputs["x0"]: tf.constant(x)}
    (found,) = tf.function(
        lambda: lowered.import_part([lowered.outputs["y"]], feeds), autograph=False
    )()
    expected = signature(x0=tf.constant(x))["y"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_embedding_of_keras_has_16_bits_with_a_float_fallback(tmp_path: pathlib.Path) -> None:
    layers = keras.layers
    ids = keras.Input([4], dtype="int64", name="ids")
    embedded = layers.Concatenate()([layers.Embedding(50, size)(ids) for size in (8, 4)])
    scores = layers.Dense(3)(layers.GlobalAveragePooling1D()(embedded))
    keras.Model(ids, scores).export(str(tmp_path / "model"))
    random = np.random.default_rng(0)
    examples = [example(ids=random.integers(0, 50, 4).tolist()) for _ in range(200)]
    mode = {"mode": "INT16_ACTIVATIONS"}
    named = r"FLOOR_MOD in '[^']*', '[^']*'.*allow_float_fallback: true"
    with pytest.raises(ConversionError, match=named) as refused:
        rewritten(
            tmp_path / "model",
            tmp_path / "refused",
            {"quantization": mode},
            examples[:100],
            examples[100:],
        )
    assert str(refused.value).count("FLOOR_MOD") == 1
    config = {"quantization": {**mode, "allow_float_fallback": True}}
    result = rewritten(tmp_path / "model", tmp_path / "out", config, examples[:100], examples[100:])
    assert result.report.model.is_quantized


def test_l2_normalization_behind_a_layer_has_16_bits(tmp_path: pathlib.Path) -> None:
    layers = keras.layers
    dense = [layers.Dense(64, "relu"), layers.UnitNormalization(), layers.Dense(4)]
    keras.Sequential([keras.Input([16]), *dense]).export(str(tmp_path / "model"))
    assert _decibels(tmp_path / "model", tmp_path / "out", "INT16_ACTIVATIONS") > 25


@OF_NO_VERSION  # newer kernels may have these types
def test_op_without_a_kernel_for_16_bits_is_named_with_another_mode(tmp_path: pathlib.Path) -> None:
    weights = _weights(128, 4, seed=3)
    source = saved(
        tmp_path, lambda x: tf.tile(x @ _FIRST, [1, 2]) @ weights, ([None, 16], tf.float32)
    )
    named = r"TILE \(op \d+\) failed to invoke.*mode: DYNAMIC_RANGE"
    with pytest.raises(VerificationError, match=named):
        _decibels(source, tmp_path / "out", "INT16_ACTIVATIONS")
