"""Conditions, of whose results the TFLite model knows the shapes."""

import numpy as np
import pytest
import tensorflow as tf
from contract import check_inputs, convert_model
from models import save


def _without_shape(x):
    """The same values, but a converter that looks at the ops cannot tell the rank."""
    unknown = tf.reshape(x, tf.boolean_mask(tf.shape(x), tf.shape(x) > -1))
    unknown.set_shape(x.shape)
    return unknown


def _condition(x):
    return tf.cond(tf.size(x) > 0, lambda: _without_shape(x), lambda: -x)


def _conditions(x):
    first, second = tf.cond(
        tf.size(x) > 0, lambda: (_without_shape(x), _without_shape(x * 2)), lambda: (-x, x)
    )
    return first - second


def test_result_of_a_condition_may_be_the_output(tmp_path):
    function = lambda x: {"y": _condition(x)}  # noqa: E731
    conversion = convert_model(
        save(tmp_path / "model", function, tf.TensorSpec([None, 3], tf.float32, "x"))
    )
    assert conversion.model.outputs["y"].shape == (-1, 3)


@pytest.mark.parametrize("compute", [_condition, _conditions])
@pytest.mark.parametrize("shape", [[None], [None, 1]], ids=str)
def test_result_of_a_condition_keeps_the_batch_of_one(tmp_path, shape, compute):
    def function(x):
        chosen = compute(x)
        return {"y": tf.where(chosen > 0, chosen * x, x)}

    model = save(tmp_path / "model", function, tf.TensorSpec(shape, tf.float32, "x"))
    conversion = convert_model(model)
    for batch in (1, 2, 4):
        x = np.resize(np.float32([1, -2, 3, 5]), [batch, *shape[1:]])
        check_inputs(conversion, {"x": tf.constant(x)})
