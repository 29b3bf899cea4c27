"""Tails: what of a signature becomes the TFLite model."""

import pytest
import tensorflow as tf
from contract import check_contract, split_model
from models import EXAMPLES, example, save

from tfx_tflite_component.errors import SplitError

_SCALAR = tf.io.FixedLenFeature([], tf.float32)
_EXAMPLES = [example(x=[1.5]), example(x=[-2.0]), example(x=[0.0])]


def _save(folder, compute):
    def serve(examples):
        return compute(tf.io.parse_example(examples, {"x": _SCALAR})["x"], examples)

    return save(folder, serve, EXAMPLES)


def test_shape_of_the_examples_is_the_batch_of_the_tail(tmp_path):
    def compute(x, examples):
        count = tf.shape(examples)[0]
        positions = tf.range(tf.shape(examples, out_type=tf.int64)[0])
        return {"ones": x * tf.ones([count]), "positions": positions}

    check_contract(_save(tmp_path / "model", compute), _EXAMPLES)


def test_output_that_passes_the_examples_on_is_refused_by_its_op(tmp_path):
    model = _save(tmp_path / "model", lambda x, examples: {"y": x * 2, "examples": examples})
    with pytest.raises(SplitError, match=r"Output '.+' reads input 'examples'"):
        split_model(model)


def test_op_that_reads_the_examples_is_refused_by_name(tmp_path):
    def compute(x, examples):
        return {"y": x, "size": tf.strings.length(examples, name="size_of_example")}

    model = _save(tmp_path / "model", compute)
    with pytest.raises(
        SplitError, match=r"size_of_example' \(StringLength\) reads input 'examples'"
    ):
        split_model(model)


def test_tail_has_only_ops_that_outputs_and_state_depend_on(tmp_path):
    module = tf.Module()
    module.calls = tf.Variable(0)

    def serve(examples):
        x = tf.io.parse_example(examples, {"x": _SCALAR})["x"]
        module.calls.assign_add(1)
        tf.print(x)
        return {"y": x * 2}

    model = save(tmp_path / "model", serve, EXAMPLES, module=module)
    parts = split_model(model)
    ops = {operation.type for operation in parts.tail.function.graph.get_operations()}
    assert {"Mul", "AssignAddVariableOp"} <= ops
    assert not {"ParseExampleV2", "PrintV2"} & ops
