"""What a model costs, by its file."""

import numpy as np
import pytest
import tensorflow as tf
from shipped import convolution
from tensorflow.lite.python import schema_py_generated as schema

from tfx_tflite_component.tflite.facts import multiply_accumulates, peak_tensor_bytes


def _model(function, *shapes):
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    concrete = tf.function(function, input_signature=specs).get_concrete_function()
    content = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    return schema.Model.GetRootAs(content, 0)


def _weights(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape).astype(np.float32))


@pytest.mark.parametrize(
    ("function", "shapes", "macs"),
    [
        (
            lambda x: tf.nn.conv2d(x, _weights(3, 3, 4, 8), 1, "SAME"),
            [(1, 6, 6, 4)],
            6 * 6 * 8 * 36,
        ),
        (
            lambda x: tf.nn.depthwise_conv2d(x, _weights(3, 3, 4, 2), [1, 1, 1, 1], "VALID"),
            [(1, 6, 6, 4)],
            4 * 4 * 8 * 9,
        ),
        (
            lambda x: tf.nn.conv2d_transpose(x, _weights(2, 2, 5, 4), [1, 8, 8, 5], 2),
            [(1, 4, 4, 4)],
            4 * 4 * 4 * 2 * 2 * 5,
        ),
        (lambda x: x @ _weights(16, 5), [(3, 16)], 3 * 16 * 5),
        (tf.matmul, [(2, 3, 4), (2, 4, 5)], 2 * 3 * 4 * 5),
        (lambda x, y: tf.matmul(x, y, transpose_b=True), [(2, 3, 4), (2, 5, 4)], 2 * 3 * 4 * 5),
        (lambda x: x + 1.0, [(3, 16)], 0),
    ],
)
def test_multiply_accumulates_are_those_of_the_formula(function, shapes, macs):
    assert multiply_accumulates(_model(function, *shapes)) == macs


def test_dynamic_batch_counts_as_one():
    assert multiply_accumulates(_model(lambda x: x @ _weights(16, 5), (None, 16))) == 80


def test_peak_is_of_the_tensors_that_are_alive_together():
    def chain(x):
        wide = tf.nn.relu(tf.tile(x, [1, 10]))  # 10 and then 40 floats
        return tf.reduce_sum(tf.sin(wide), axis=1)

    # the widest op reads 40 floats and writes 40, in a model of 4 inputs and 1 output
    assert peak_tensor_bytes(_model(chain, (1, 4))) == 4 * (40 + 40)


def test_input_that_is_used_last_stays_alive():
    def late(x):
        return tf.sin(tf.cos(tf.exp(x))) + x

    assert peak_tensor_bytes(_model(late, (1, 8))) == 4 * 3 * 8


def test_integers_take_a_byte(tmp_path):
    content = convolution(tmp_path, "int8").read_bytes()
    # the input of 512 floats is quantized; the convolution reads 512 bytes and writes 1,024
    assert peak_tensor_bytes(schema.Model.GetRootAs(content, 0)) == 512 * 4 + 512
