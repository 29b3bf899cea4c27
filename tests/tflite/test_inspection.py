"""Facts of a TFLite file."""

import hashlib

import flatbuffers
import pytest
import tensorflow as tf
from contract import SELECT_TF_OPS, convert_model, split_model
from models import save
from tensorflow.lite.python import schema_py_generated as schema

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.tflite.inspection import (
    Numbers,
    OpSet,
    inspect,
    inspect_signatures,
)

_SPEC = tf.TensorSpec([None, 64], tf.float32, "x")


def _save(folder):
    module = tf.Module()
    module.weights = tf.Variable(tf.random.stateless_normal([64, 32], seed=[1, 2]))

    def compute(x):
        with tf.name_scope("hidden"):
            y = tf.nn.softmax(x @ module.weights)
        return {"y": y, "same": tf.strings.as_string(tf.argmax(x, axis=1))}

    return save(folder, compute, _SPEC, module=module)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = convert_model(_save(tmp_path_factory.mktemp("model") / "model"), SELECT_TF_OPS).path
    return path, inspect(path)


def test_model_without_signatures_is_described_by_its_tensors(found, tmp_path):
    model = schema.ModelT.InitFromPackedBuf(found[0].read_bytes(), 0)
    model.signatureDefs = None
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "tflite").write_bytes(builder.Output())
    (signature,) = inspect_signatures(tmp_path / "tflite").values()
    assert {name: tensor.shape for name, tensor in signature.inputs.items()} == {
        "serving_default_x:0": (-1, 64)
    }
    assert sorted((tensor.dtype, tensor.shape) for tensor in signature.outputs.values()) == [
        ("float32", (-1, 32)),
        ("string", (-1,)),
    ]


def test_size_and_hash_are_those_of_the_content(found):
    path, inspection = found
    assert inspection.size_bytes == path.stat().st_size
    assert inspection.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_ops_have_kind_name_and_scope(found):
    _, inspection = found
    ops = {op.name: op for op in inspection.ops}
    assert ops.keys() == {"FULLY_CONNECTED", "SOFTMAX", "ARG_MAX", "AsString"}
    assert {name: op.kind for name, op in ops.items() if op.kind != OpSet.BUILTIN} == {
        "AsString": OpSet.SELECT_TF
    }
    assert ops["FULLY_CONNECTED"].scope == "hidden"
    assert ops["FULLY_CONNECTED"].computes_in == Numbers.FLOAT
    assert ops["AsString"].computes_in == ""
    assert not any(op.is_preprocessing or op.is_at_edge for op in inspection.ops)
    assert inspection.op_set == OpSet.SELECT_TF


def test_weights_are_counted_by_dtype(found):
    _, inspection = found
    assert inspection.weights["float32"].tensors == 1
    assert inspection.weights["float32"].size_bytes == 64 * 32 * 4


def test_weights_that_ops_share_are_counted_once(tmp_path):
    values = tf.random.stateless_normal([64, 64], seed=[1, 2])
    model = save(tmp_path / "model", lambda x: {"y": (x @ values) @ values}, _SPEC)
    inspection = inspect(convert_model(model).path)
    assert [op.name for op in inspection.ops].count("FULLY_CONNECTED") == 2
    assert inspection.weights["float32"].size_bytes == 64 * 64 * 4
    assert inspection.op_set == OpSet.BUILTIN


def test_ops_inside_control_flow_are_found(tmp_path):
    def compute(x):
        return {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: tf.exp(x), lambda: tf.sin(x))}

    inspection = inspect(convert_model(save(tmp_path / "model", compute, _SPEC)).path)
    assert {"IF", "EXP", "SIN"} <= {op.name for op in inspection.ops}


def test_custom_op_and_select_tf_op_are_distinguished(tmp_path):
    parts = split_model(_save(tmp_path / "model"))
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(parts.tail, read_config("ops { allow_custom_ops: true }")))
    inspection = inspect(path)
    assert {op.name: op.kind for op in inspection.ops}["AsString"] == OpSet.CUSTOM
    assert inspection.op_set == OpSet.CUSTOM
    assert {op.kind for op in inspection.ops} == {OpSet.BUILTIN, OpSet.CUSTOM}


def test_each_constant_counts_for_the_first_op_that_reads_it(found):
    _, inspection = found
    total = sum(weights.size_bytes for weights in inspection.weights.values())
    assert sum(op.constant_bytes for op in inspection.ops) == total
    (dense,) = [op for op in inspection.ops if op.name == "FULLY_CONNECTED"]
    assert dense.constant_bytes >= 64 * 32 * 4
    assert (dense.scope, dense.shape) == ("hidden", (-1, 32))
