"""The interpreter."""

import numpy as np
import pytest
import tensorflow as tf
from contract import convert_model
from models import save

from tfx_tflite_component.tflite.interpreter import TensorDetails, dequantize, quantize


def _model(folder, function, *specs, config=""):
    return convert_model(save(folder / "model", function, *specs), config).model


def test_details_are_those_of_inputs_and_outputs(tmp_path):
    model = _model(
        tmp_path,
        lambda size, word: {"double": size * 2, "is_a": tf.equal(word, "a")},
        tf.TensorSpec([None, 3], tf.float32, "size"),
        tf.TensorSpec([None], tf.string, "word"),
    )
    found = {
        name: (details.dtype, details.shape)
        for name, details in {**model.inputs, **model.outputs}.items()
    }
    assert found == {
        "size": (np.float32, (-1, 3)),
        "word": (np.bytes_, (-1,)),
        "double": (np.float32, (-1, 3)),
        "is_a": (np.bool_, (-1,)),
    }


@pytest.mark.parametrize(
    ("shapes", "config", "batch_size"),
    [
        ([[None, 3]], "", 0),
        ([[None, 3]], "batch_size: 4", 4),
        ([[2, 3]], "", 2),
        ([[], [None]], "", 0),
        ([[]], "", 0),
    ],
)
def test_batch_size_is_the_fixed_one(tmp_path, shapes, config, batch_size):
    specs = [tf.TensorSpec(shape, tf.float32, f"x{i}") for i, shape in enumerate(shapes)]
    function = lambda *tensors: {f"y{i}": tensor * 2 for i, tensor in enumerate(tensors)}  # noqa: E731
    assert _model(tmp_path, function, *specs, config=config).batch_size == batch_size


def test_replaced_file_does_not_affect_a_loaded_model(tmp_path):
    spec = tf.TensorSpec([None], tf.float32, "x")
    converted = convert_model(save(tmp_path / "model", lambda x: {"y": x * 2}, spec), "")
    converted.path.unlink()
    model = converted.model
    for loaded in (model, model.copy()):
        for size in (1, 2):
            assert loaded({"x": np.ones(size, np.float32)})["y"].tolist() == [2] * size


def _by_condition(x):
    return {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: tf.exp(x), lambda: x @ tf.eye(2) * 3)}


def _by_loop(x):
    return {"y": tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, y * 2), (0, x))[1]}


@pytest.mark.parametrize("function", [lambda x: {"y": x * 2}, _by_condition, _by_loop])
def test_batches_of_any_size_follow_one_another(tmp_path, function):
    model = _model(tmp_path, function, tf.TensorSpec([None, 2], tf.float32, "x"))
    for count in (1, 5, 1, 3, 3):
        for sign in (1.0, -1.0):
            x = np.full([count, 2], sign, np.float32)
            expected = function(tf.constant(x))["y"].numpy()
            np.testing.assert_allclose(model({"x": x})["y"], expected, atol=1e-6)


def test_output_may_have_no_elements(tmp_path):
    model = _model(
        tmp_path,
        lambda x: {"y": x[:, : x[0, 0]]},
        tf.TensorSpec([None, 3], tf.int32, "x"),
    )
    for columns in (2, 0, 1):
        found = model({"x": np.full([4, 3], columns, np.int32)})["y"]
        assert (found.dtype, found.shape) == (np.int32, (4, columns))


def test_strings_go_in_and_come_out(tmp_path):
    model = _model(
        tmp_path,
        lambda word: {"same": word, "other": tf.fill(tf.shape(word), "b")},
        tf.TensorSpec([None], tf.string, "word"),
    )
    words = np.array(["größe".encode(), b"", b"\0a"], dtype=object)
    found = model({"word": words})
    assert found["same"].tolist() == words.tolist()
    assert found["other"].tolist() == [b"b"] * 3


def test_one_string_without_a_batch_goes_in_and_comes_out(tmp_path):
    model = _model(tmp_path, lambda word: {"same": word}, tf.TensorSpec([], tf.string, "word"))
    for word in (b"word", b"", b"\0a\0"):
        assert model({"word": np.array(word, object)})["same"].item() == word


def _details(scales, zero_points, dtype=np.int8, axis=0):
    scales, zero_points = np.array(scales, np.float64), np.array(zero_points)
    return TensorDetails(0, dtype, (-1,), scales, zero_points, axis)


@pytest.mark.parametrize(
    ("dtype", "zero_point", "real", "quantized"),
    [
        (np.int8, 0, [0.0, 0.24, 0.25, -0.25, 0.26], [0, 0, 1, -1, 1]),
        (np.int8, -128, [0.0, 63.5, 127.5, 200.0, -0.5], [-128, -1, 127, 127, -128]),
        (np.uint8, 128, [-64.0, 0.0, 63.5, 1e9, -1e9], [0, 128, 255, 255, 0]),
        (np.int16, 0, [1e9, -1e9, 0.5, 0.0, -0.5], [32767, -32768, 1, 0, -1]),
    ],
)
def test_quantized_values_are_rounded_and_clipped(dtype, zero_point, real, quantized):
    details = _details([0.5], [zero_point], dtype)
    found = quantize(np.array(real, np.float32), details)
    assert found.dtype == dtype
    assert found.tolist() == quantized


def test_dequantized_values_are_real_again():
    details = _details([0.5], [-3])
    assert dequantize(np.array([-3, 0, 127], np.int8), details).tolist() == [0.0, 1.5, 65.0]


def test_channels_have_scales_of_their_own():
    details = _details([0.5, 2.0], [0, 1], axis=1)
    quantized = quantize(np.array([[1.0, 4.0], [-1.0, -2.0]], np.float32), details)
    assert quantized.tolist() == [[2, 3], [-2, 0]]
    assert dequantize(quantized, details).tolist() == [[1.0, 4.0], [-1.0, -2.0]]
