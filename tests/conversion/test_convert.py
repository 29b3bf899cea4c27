"""The TFLite converter: which models come out, and what it says when none does."""

import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf
from contract import (
    SELECT_TF_OPS,
    check_contract,
    check_inputs,
    convert_model,
    split_model,
)
from models import example, save, save_parsing
from versions import HAS_BFLOAT16, OLD_CONVERTER_IS_A_PROGRAM

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import ConversionError, UnsupportedOpsError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.split import split
from tfx_tflite_component.tflite.inspection import OpSet, inspect

_SIZE = 64
_FEATURES = {"x": tf.io.FixedLenFeature([_SIZE], tf.float32)}
_EXAMPLES = [
    example(x=row.tolist()) for row in np.random.default_rng(0).standard_normal([3, _SIZE])
]
_BIN = pathlib.Path(sys.executable).parent


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """A model with weights that are large enough to be quantized."""
    module = tf.Module()
    module.weights = tf.Variable(tf.random.stateless_normal([_SIZE, 32], seed=[1, 2]))
    return save_parsing(
        tmp_path_factory.mktemp("dense") / "model",
        _FEATURES,
        lambda parsed: {"y": parsed["x"] @ module.weights},
        module,
    )


def _weights(conversion):
    return {dtype: found.size_bytes for dtype, found in inspect(conversion.path).weights.items()}


def test_float_model_has_float_weights(dense):
    assert _weights(check_contract(dense, _EXAMPLES))["float32"] >= _SIZE * 32 * 4


@pytest.mark.parametrize(
    ("mode", "dtype", "weight_bytes", "tolerance"),
    [("FLOAT16", "float16", 2, 0.05), ("DYNAMIC_RANGE", "int8", 1, 0.5)],
)
def test_quantized_weights_are_small_and_the_outputs_near(
    dense, mode, dtype, weight_bytes, tolerance
):
    conversion = convert_model(dense, f"quantization {{ mode: {mode} }}")
    assert _weights(conversion)[dtype] == _SIZE * 32 * weight_bytes
    serialized = tf.constant(_EXAMPLES)
    found = conversion.model({"x": conversion.split.head.function(serialized)["x"].numpy()})["y"]
    expected = conversion.signature(examples=serialized)["y"].numpy()
    assert 0 < np.abs(found - expected).max() < tolerance


@pytest.mark.parametrize("config", ["", "quantization { mode: DYNAMIC_RANGE }"])
def test_same_model_and_config_give_the_same_bytes(dense, config):
    first, second = (convert_model(dense, config).path.read_bytes() for _ in range(2))
    assert first == second


def test_names_are_those_of_features_and_outputs(tmp_path):
    names = ["a b", "A B", "größe", "a", "A", "self", "x/y", "sepal-length (cm)", "1st", "input_1"]
    outputs = {name: f"of {name}" if index % 2 else name for index, name in enumerate(names)}
    model = save_parsing(
        tmp_path / "model",
        {name: tf.io.FixedLenFeature([], tf.float32) for name in names},
        lambda parsed: {outputs[name]: parsed[name] * (i + 1.0) for i, name in enumerate(names)},
    )
    values = {name: [float(index)] for index, name in enumerate(names)}
    conversion = check_contract(model, [example(**values)])
    interpreter = tf.lite.Interpreter(model_path=str(conversion.path))
    (signature,) = interpreter.get_signature_list().values()
    assert sorted(signature["inputs"]) == sorted(names)
    assert sorted(signature["outputs"]) == sorted(outputs.values())
    # the name by which TFMA finds an input
    tensors = [details["name"] for details in interpreter.get_input_details()]
    assert sorted(tensors) == sorted(f"serving_default_{name}:0" for name in names)


def test_signature_runner_gives_every_output_by_its_name(tmp_path):
    model = save_parsing(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature([], tf.float32)},
        lambda parsed: {
            "zero": parsed["x"] * 0,
            "double": parsed["x"] * 2,
            "Half": parsed["x"] / 2,
        },
    )
    conversion = convert_model(model)
    run = tf.lite.Interpreter(model_path=str(conversion.path)).get_signature_runner()
    found = run(x=np.array([3.0], np.float32))
    assert {name: array.tolist() for name, array in found.items()} == {
        "zero": [0.0],
        "double": [6.0],
        "Half": [1.5],
    }


def _fourier(folder):
    def compute(parsed):
        with tf.name_scope("spectrum"):
            return {"y": tf.abs(tf.signal.rfft3d(tf.reshape(parsed["x"], [-1, 4, 4, 4])))}

    return save_parsing(folder, _FEATURES, compute)


def test_op_without_a_builtin_is_named_with_its_scope_and_the_choices(tmp_path):
    with pytest.raises(UnsupportedOpsError) as raised:
        convert_model(_fourier(tmp_path / "model"))
    message = str(raised.value)
    assert "RFFT3D, available as a Select TF op, in 'spectrum'" in message
    assert "ops { allow_select_tf_ops: true }" in message
    assert "batch_size" not in message
    assert "loc(" not in message
    assert len(message.splitlines()) < 10


@pytest.mark.parametrize("dtype", [tf.float16, tf.float64])
def test_unsupported_float_type_is_named_with_its_op(dtype, tmp_path):
    def compute(x):
        return {"y": tf.cast(tf.matmul(tf.cast(x, dtype), tf.ones([2, 3], dtype)), tf.float32)}

    model = save(tmp_path / "model", compute, tf.TensorSpec([None, 2], tf.float32, "x"))
    with pytest.raises(UnsupportedOpsError) as raised:
        convert_model(model)
    form = f"MatMul of {dtype.name} with 2 dimensions, which TFLite has only in other forms"
    assert f"{form}, available as a Select TF op, in" in str(raised.value)
    assert "\n  - compute in float32, which the builtin ops are for" in str(raised.value)


def test_only_the_nodes_of_an_unsupported_form_are_listed(tmp_path):
    def compute(x):
        with tf.name_scope("fine"):
            narrow = tf.gather(x, [1, 0], axis=1)
        with tf.name_scope("wide"):
            numbers = tf.gather(tf.cast(x, tf.float64), [1, 0], axis=1)
        return {"y": narrow, "z": tf.cast(numbers, tf.float32)}

    model = save(tmp_path / "model", compute, tf.TensorSpec([None, 2], tf.float32, "x"))
    with pytest.raises(UnsupportedOpsError) as raised:
        convert_model(model)
    assert "GatherV2 of float64 with 2 dimensions" in str(raised.value)
    assert "'wide'" in str(raised.value)
    assert "'fine'" not in str(raised.value)


def test_boundary_that_the_refusal_prints_converts(tmp_path):
    model = _fourier(tmp_path / "model")
    with pytest.raises(UnsupportedOpsError) as raised:
        convert_model(model)
    (line,) = (x for x in str(raised.value).splitlines() if "boundary_tensors" in x)
    config = line[line.index("input_boundary") : line.rindex(" }") + 2]
    assert "RFFT3D" not in check_contract(model, _EXAMPLES, config).split.tail.input_names


def test_boundary_of_one_signature_is_not_advised_for_several(tmp_path):
    config = read_config(None)
    config.signature_keys.append(config.signature_key)
    tail = split(load_signature(_fourier(tmp_path / "model"), config.signature_key)).tail
    with pytest.raises(UnsupportedOpsError) as raised:
        convert(tail, config)
    assert "boundary_tensors" not in str(raised.value)


def test_select_tf_op_is_converted_where_it_is_allowed(tmp_path):
    conversion = check_contract(_fourier(tmp_path / "model"), _EXAMPLES, SELECT_TF_OPS)
    assert inspect(conversion.path).op_set == OpSet.SELECT_TF


def _doubled_sparse(folder):
    """A model with an op that neither TFLite nor Select TF has."""
    return save_parsing(
        folder,
        {"x": tf.io.VarLenFeature(tf.float32)},
        lambda parsed: {"y": tf.sparse.to_dense(parsed["x"] * 2.0)},
    )


def test_op_that_not_even_select_tf_has_is_named(tmp_path):
    with pytest.raises(UnsupportedOpsError) as raised:
        convert_model(_doubled_sparse(tmp_path / "model"), SELECT_TF_OPS)
    assert "SparseDenseCwiseMul, not available as a Select TF op either" in str(raised.value)
    assert "ops { allow_custom_ops: true }" in str(raised.value)


def test_custom_op_is_converted_where_it_is_allowed(tmp_path):
    parts = split_model(_doubled_sparse(tmp_path / "model"))
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(parts.tail, read_config("ops { allow_custom_ops: true }")))
    found = inspect(path)
    assert found.op_set == OpSet.CUSTOM
    assert "SparseDenseCwiseMul" in {op.name for op in found.ops if op.kind == OpSet.CUSTOM}


_TYPES_WITHOUT_A_TENSOR = [tf.qint8] if HAS_BFLOAT16 else [tf.qint8, tf.bfloat16]


@pytest.mark.parametrize("dtype", _TYPES_WITHOUT_A_TENSOR, ids=lambda dtype: dtype.name)
def test_input_of_a_type_without_a_tensor_is_named(tmp_path, dtype):
    specs = [tf.TensorSpec([None], tf.float32, "fine"), tf.TensorSpec([None], dtype, "odd")]
    model = save(tmp_path / "model", lambda fine, odd: {"y": fine, "z": odd}, *specs)
    with pytest.raises(ConversionError, match=f"Input 'odd' is {dtype.name}"):
        convert_model(model)


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this TFLite has no tensors of bfloat16")
def test_bfloat16_is_converted_where_tflite_has_it(tmp_path):
    spec = tf.TensorSpec([None, 2], tf.bfloat16, "x")
    model = save(tmp_path / "model", lambda x: {"y": tf.cast(x, tf.float32)}, spec)
    x = tf.cast(tf.constant([[0.5, -3.0], [1e30, 0.0]]), tf.bfloat16)
    check_inputs(convert_model(model), {"x": x})


class TestOldConverter:
    """`enable_experimental_new_converter: false`."""

    config = "enable_experimental_new_converter: false"

    def test_old_converter_is_used_and_its_failure_is_reported(self, dense, monkeypatch):
        monkeypatch.setenv("PATH", "/nonexistent")
        culprit = "toco_from_protos" if OLD_CONVERTER_IS_A_PROGRAM else "_funcs"
        message = f"old TFLite converter failed: .*{culprit}.*experimental_new_converter"
        with pytest.raises(ConversionError, match=message):
            convert_model(dense, self.config)

    @pytest.mark.process
    @pytest.mark.skipif(not OLD_CONVERTER_IS_A_PROGRAM, reason="it makes no model here")
    def test_model_without_a_signature_is_refused(self, dense, monkeypatch):
        monkeypatch.setenv("PATH", str(_BIN), prepend=":")
        with pytest.raises(ConversionError, match=r"without a signature.*new_converter at true"):
            convert_model(dense, self.config)
