"""The private names of TensorFlow: that each still does what it is used for, on every version."""

import numpy as np
import pytest
import tensorflow as tf
from searchable import Case, make_case, normal

from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.tensorflow_internals import calibrate, quantize_int8, quantize_int16
from tfx_tflite_component.tflite.model_edit import float_ops, op_name, tensor_name, unpack


@pytest.fixture(scope="module")
def case() -> Case:
    first, second = normal(8, 16), normal(16, 4, seed=1)
    return make_case(lambda x: tf.nn.relu(x @ first) @ second, x=normal(32, 8, seed=2))


def test_calibrated_model_has_the_range_of_each_tensor(case: Case) -> None:
    model = unpack(calibrate(case.content, case.feeds))
    (ranges,) = [
        tensor.quantization
        for tensor in model.subgraphs[0].tensors
        if tensor_name(tensor).startswith("serving_default_x")
    ]
    assert ranges.min[0] == pytest.approx(case.inputs["x"].min())
    assert ranges.max[0] == pytest.approx(case.inputs["x"].max())


def test_denied_op_stays_float_and_others_do_not(case: Case) -> None:
    calibrated = calibrate(case.content, case.feeds)
    model = unpack(case.content)
    names = [tensor_name(model.subgraphs[0].tensors[op.outputs[0]]) for op in float_ops(model)]
    kept = unpack(quantize_int8(calibrated, per_channel=True, denied=names[:1]))
    none = unpack(quantize_int8(calibrated, per_channel=True))
    layers = [
        [op for op in float_ops(m) if op_name(m, op) == "FULLY_CONNECTED"] for m in (kept, none)
    ]
    assert list(map(len, layers)) == [1, 0]


@pytest.mark.parametrize(("quantize", "decibels"), [("int8", 25), ("int16", 35)])
def test_quantized_model_is_close(quantize: str, decibels: float, case: Case) -> None:
    content = (
        quantize_int8(calibrate(case.content, case.feeds), per_channel=True)
        if quantize == "int8"
        else quantize_int16(case.content, case.feeds, per_channel=True)
    )
    assert decibels < case.decibels(content) < np.inf


def test_refusal_of_the_quantizer_is_a_conversion_error() -> None:
    with pytest.raises(ConversionError):
        calibrate(b"not a model", lambda: [])
