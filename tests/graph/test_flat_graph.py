"""A signature as one flat graph."""

import numpy as np
import pytest
import tensorflow as tf
from contract import check_contract
from models import example, save, save_parsing

from tfx_tflite_component.graph.flat_graph import FlatGraph, flatten
from tfx_tflite_component.graph.saved_model import load_signature

_PAIR = {"x": tf.io.FixedLenFeature([2], tf.float32)}
_EXAMPLES = [example(x=[1.0, 1.0]), example(x=[-3.0, 5.0]), example(x=[0.0, -1.0])]


def _affine() -> tf.Module:
    module = tf.Module()
    module.matrix = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    module.factor = tf.Variable(0.5)
    return module


def _cond(module, x):
    positive = tf.reduce_sum(x) > 0.0
    return tf.cond(positive, lambda: x @ module.matrix, lambda: x * module.factor)


def _while(module, x):
    def step(i, state):
        return i + 1, state @ module.matrix * module.factor

    return tf.while_loop(lambda i, _: i < 3, step, (0, x))[1]


def _while_of_cond(module, x):
    def step(i, state):
        return i + 1, _cond(module, state)

    return tf.while_loop(lambda i, _: i < 3, step, (0, x))[1]


@pytest.mark.parametrize("compute", [_cond, _while, _while_of_cond])
def test_control_flow_reads_the_variables(tmp_path, compute):
    module = _affine()
    model = save_parsing(
        tmp_path / "model", _PAIR, lambda parsed: {"y": compute(module, parsed["x"])}, module
    )
    check_contract(model, _EXAMPLES)


def test_calls_are_inlined_and_variables_stay_captures(tmp_path):
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([2, 5000]))

    @tf.function
    def inner(x):
        return x @ module.weights

    @tf.function
    def outer(x):
        return tf.reduce_sum(inner(x), axis=1)

    model = save_parsing(
        tmp_path / "model", _PAIR, lambda parsed: {"y": outer(parsed["x"])}, module
    )
    graph = flatten(load_signature(model, "serving_default"))
    ops = {node.op for node in graph.nodes.values()}
    assert {"ParseExampleV2", "MatMul", "Sum"} < ops
    assert not {"PartitionedCall", "StatefulPartitionedCall"} & ops
    (variable,) = graph.variables
    assert [capture is variable.handle for capture in graph.captures.values()] == [True]
    assert graph.graph_def().ByteSize() < variable.numpy().nbytes


def test_inputs_are_in_an_order_of_their_own(tmp_path):
    names = ["d", "b", "a", "c"]
    specs = [tf.TensorSpec([None], tf.float32, name) for name in names]
    model = save(tmp_path / "model", lambda *tensors: {"y": tf.add_n(tensors)}, *specs)
    graph = flatten(load_signature(model, "serving_default"))
    assert list(graph.inputs) == list(graph.specs) == sorted(names)


def _graph_of(folder, build) -> FlatGraph:
    model = save(folder, lambda x: {"y": build(x)}, tf.TensorSpec([None], tf.float32, "x"))
    return flatten(load_signature(model, "serving_default"))


@pytest.mark.parametrize(
    ("build", "value"),
    [
        (lambda x: tf.constant([1.0, 2.0]), [1.0, 2.0]),
        (lambda x: tf.reshape(tf.constant([1.0, 2.0]), [2, 1]), [[1.0], [2.0]]),
        (lambda x: tf.strings.join([tf.constant("a"), tf.constant("b")]), b"ab"),
        (lambda x: x * 2.0, None),
    ],
)
def test_constant_is_the_value_of_a_tensor_that_depends_only_on_constants(tmp_path, build, value):
    graph = _graph_of(tmp_path / "model", build)
    found = graph.constant(graph.outputs["y"])
    assert value is None if found is None else found.tolist() == value


def test_only_the_needed_nodes_are_imported(tmp_path):
    graph = _graph_of(tmp_path / "model", lambda x: tf.exp(tf.identity(x) + 1.0) * 2.0)
    (exp,) = (name for name, node in graph.nodes.items() if node.op == "Exp")
    feeds = {exp: tf.constant([3.0])}
    part = tf.function(
        lambda: graph.import_part([graph.outputs["y"]], feeds), autograph=False
    ).get_concrete_function()
    np.testing.assert_array_equal(part()[0], [6.0])
    assert "Exp" not in {operation.type for operation in part.graph.get_operations()}


def test_only_functions_that_are_called_come_along(tmp_path):
    module = _affine()
    folder = save(
        tmp_path / "model",
        lambda x: {"cond": _cond(module, x), "while": _while_of_cond(module, x)},
        tf.TensorSpec([None, 2], name="x"),
        module=module,
    )
    graph = flatten(load_signature(folder, "serving_default"))
    feeds = {graph.inputs["x"]: tf.zeros([1, 2])}
    part = tf.function(lambda: graph.import_part([graph.outputs["cond"]], feeds), autograph=False)
    library = part.get_concrete_function().graph.as_graph_def().library
    assert len(graph.library.function) > 2
    assert len(library.function) == 2


def test_shapes_of_variables_are_known(tmp_path):
    module = _affine()
    spec = tf.TensorSpec([None, 2], tf.float32, "x")
    path = save(tmp_path / "model", lambda x: {"y": x @ module.matrix}, spec, module=module)
    graph = flatten(load_signature(path, "serving_default"))
    assert graph.static_tensors[graph.outputs["y"]].shape.as_list() == [None, 2]
