"""New names for the inputs and outputs of a TFLite model."""

import numpy as np
import pytest
import tensorflow as tf

from tfx_tflite_component.tflite.rename import rename


@pytest.fixture(scope="module")
def model():
    """A model with the inputs `a` and `b`, and the outputs `p` and `q`."""
    module = tf.Module()
    module.weights = tf.Variable(tf.random.stateless_normal([3, 100], seed=[1, 2]))

    @tf.function(
        input_signature=[tf.TensorSpec([None, 3], tf.float32, "a"), tf.TensorSpec([], name="b")]
    )
    def function(a, b):
        return {"p": a @ module.weights, "q": a * b}

    concrete = function.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    return bytes(converter.convert())


def _renamed(model, inputs, outputs, key="serving_default"):
    content = bytearray(model)
    rename(content, inputs, outputs, key)
    return content


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"a": "größe (cm)", "b": "A"}, {"p": "日本", "q": "x/y:0"}),
        ({"a": "b", "b": "a"}, {"p": "q", "q": "p"}),
        ({"a": "", "b": "n" * 3000}, {"p": "p", "q": "q q"}),
    ],
    ids=["unicode", "swapped", "empty and long"],
)
def test_renamed_model_computes_the_same_under_new_names(model, inputs, outputs):
    given = {"a": np.array([[1.0, 2.0, 3.0]], np.float32), "b": np.array(0.5, np.float32)}
    expected = tf.lite.Interpreter(model_content=model).get_signature_runner()(**given)
    renamed = tf.lite.Interpreter(model_content=bytes(_renamed(model, inputs, outputs)))
    run = renamed.get_signature_runner()
    found = run(**{inputs[name]: array for name, array in given.items()})
    assert found.keys() == set(outputs.values())
    for name, array in expected.items():
        np.testing.assert_array_equal(found[outputs[name]], array)


def test_input_tensors_are_named_after_signature_and_input(model):
    content = _renamed(model, {"a": "size", "b": "größe"}, {"p": "p", "q": "q"}, "serving_default")
    details = tf.lite.Interpreter(model_content=bytes(content)).get_input_details()
    assert {detail["name"] for detail in details} == {
        "serving_default_size:0",
        "serving_default_größe:0",
    }


def test_names_are_appended_and_nothing_else_moves(model):
    content = _renamed(model, {"a": "first", "b": "second"}, {"p": "third", "q": "fourth"})
    before = np.frombuffer(model, np.uint8)
    after = np.frombuffer(content, np.uint8)[: len(before)]
    references = 2 * 2 + 2
    assert np.count_nonzero(before != after) <= 4 * references
    assert len(content) < len(before) + 300
