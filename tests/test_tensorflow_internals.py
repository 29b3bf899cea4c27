"""The private names of TensorFlow: that each still does what it is used for, on every version."""

import pathlib

import models
import numpy as np
import pytest
import tensorflow as tf
from searchable import Case, make_case, normal
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, rewriter_config_pb2

from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.tensorflow_internals import (
    DISABLE_PER_CHANNEL,
    argument_names,
    calibrate,
    op_definition,
    optimize_graph,
    parse_saved_model,
    quantize_int8,
    quantize_int16,
)
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


@tf.function(input_signature=[tf.TensorSpec([None], name="in"), tf.TensorSpec([None], name="a/b")])
def _add(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    return first + second


def test_argument_names_are_those_that_python_does_not_allow() -> None:
    assert sorted(argument_names(_add.get_concrete_function())) == ["a/b", "in"]


def test_saved_model_is_parsed_and_not_loaded(tmp_path: pathlib.Path) -> None:
    models.save(tmp_path, lambda x: {"y": x + 1.0}, tf.TensorSpec([None], name="x"))
    (meta_graph,) = parse_saved_model(tmp_path).meta_graphs
    assert set(meta_graph.signature_def["serving_default"].inputs) == {"x"}


def test_definition_of_an_op_names_its_outputs() -> None:
    assert [x.name for x in op_definition("TopKV2").output_arg] == ["values", "indices"]


def test_grappler_inlines_a_call() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None]), tf.TensorSpec([None])])
    def called_twice(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        return _add(_add(x, y), y)

    function = called_twice.get_concrete_function()
    graph = meta_graph_pb2.MetaGraphDef(graph_def=function.graph.as_graph_def())
    kept = graph.collection_def["train_op"].node_list.value
    kept.extend(tensor.name for tensor in [*function.inputs, *function.outputs])
    config = config_pb2.ConfigProto()
    options = config.graph_options.rewrite_options
    options.min_graph_nodes = -1
    options.optimizers.append("function")
    options.function_optimization = rewriter_config_pb2.RewriterConfig.AGGRESSIVE
    ops = [node.op for node in optimize_graph(config, graph).node]
    assert ops.count("AddV2") == 2
    assert not {"PartitionedCall", "StatefulPartitionedCall"} & {*ops}


def test_converter_has_the_option_of_one_scale_for_all_channels() -> None:
    converter = tf.lite.TFLiteConverter.from_concrete_functions([_add.get_concrete_function()])
    assert getattr(converter, DISABLE_PER_CHANNEL) is False
