"""Where a signature is split."""

import numpy as np
import pytest
import tensorflow as tf
from contract import SELECT_TF_OPS, check_contract, check_inputs, convert_model, split_model
from models import EXAMPLES, example, save, save_parsing

from tfx_tflite_component.errors import ConfigError, SplitError, UnsupportedOpsError
from tfx_tflite_component.split.boundary import Boundary

_SCALAR = tf.io.FixedLenFeature([], tf.float32)


@pytest.fixture
def parsing(tmp_path):
    return save_parsing(tmp_path / "model", {"x": _SCALAR}, lambda parsed: {"y": parsed["x"] * 2})


def _save_taking(folder, *shapes):
    specs = [tf.TensorSpec(shape, tf.float32, f"x{i}") for i, shape in enumerate(shapes)]
    return save(folder, lambda *tensors: {"y": tf.add_n(tensors)}, *specs)


def test_signature_that_parses_is_split_at_its_parse_op(parsing):
    conversion = check_contract(parsing, [example(x=[1.5]), example(x=[-2.0])])
    assert conversion.split.boundary is Boundary.RAW_FEATURES
    assert "ParseExampleV2" in conversion.split.reason


def test_signature_that_takes_tensors_is_converted_unchanged(tmp_path):
    def compute(flags, image, size, words):
        return {
            "size": size * 2,
            "image": tf.cast(image, tf.float32) / 255.0,
            "flags": tf.logical_not(flags),
            "words": tf.equal(words, "yes"),
        }

    model = save(
        tmp_path / "model",
        compute,
        tf.TensorSpec([None], tf.bool, "flags"),
        tf.TensorSpec([None, 2, 2], tf.uint8, "image"),
        tf.TensorSpec([None, 3], tf.int32, "size"),
        tf.TensorSpec([None], tf.string, "words"),
    )
    conversion = convert_model(model)
    assert conversion.split.boundary is Boundary.SIGNATURE
    assert conversion.split.reason == "the signature takes tensors"
    assert conversion.split.features == ()
    for count in (1, 3):
        check_inputs(
            conversion,
            {
                "flags": tf.constant([True, False, True][:count]),
                "image": tf.cast(tf.reshape(tf.range(4 * count) * 20, [-1, 2, 2]), tf.uint8),
                "size": tf.reshape(tf.range(3 * count), [-1, 3]),
                "words": tf.constant(["yes", "no", ""][:count]),
            },
        )


def test_sparse_input_of_tf1_is_three_inputs(tmp_path):
    folder = tmp_path / "model"
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        words = tf.compat.v1.sparse_placeholder(tf.float32, [None, 3])
        outputs = {"y": tf.sparse.to_dense(words)}
        tf.compat.v1.saved_model.simple_save(session, str(folder), {"words": words}, outputs)
    conversion = convert_model(folder, SELECT_TF_OPS)
    check_inputs(
        conversion,
        {
            "words_indices": tf.constant([[0, 1], [1, 2]], tf.int64),
            "words_values": tf.constant([5.0, 7.0]),
            "words_dense_shape": tf.constant([2, 3], tf.int64),
        },
    )


def test_scalar_input_leaves_the_head_out(tmp_path):
    specs = [tf.TensorSpec([None, 2], tf.float32, "x"), tf.TensorSpec([], tf.float32, "factor")]
    model = save(tmp_path / "model", lambda x, factor: {"y": x * factor}, *specs)
    conversion = convert_model(model)
    assert conversion.split.head is None
    check_inputs(conversion, {"x": tf.constant([[1.0, 2.0]]), "factor": tf.constant(3.0)})


def test_pinned_signature_boundary_leaves_the_parsing_in_the_model(parsing):
    pinned = "input_boundary: SIGNATURE "
    with pytest.raises(UnsupportedOpsError, match="ParseExampleV2, available as a Select TF op"):
        convert_model(parsing, pinned)
    conversion = convert_model(parsing, pinned + SELECT_TF_OPS)
    assert conversion.split.boundary is Boundary.SIGNATURE
    assert conversion.split.reason == "the configuration says so"
    check_inputs(conversion, {"examples": tf.constant([example(x=[1.5]), example(x=[3.0])])})


def test_pinned_raw_features_boundary_is_refused_without_a_parse_op(tmp_path):
    model = _save_taking(tmp_path / "model", [None])
    with pytest.raises(SplitError, match=r"'y' depends on a ParseExample op. The inputs are 'x0'"):
        split_model(model, "input_boundary: RAW_FEATURES")


def test_second_input_beside_the_examples_is_refused_by_name(tmp_path):
    def serve(examples, factor):
        return {"y": tf.io.parse_example(examples, {"x": _SCALAR})["x"] * factor}

    factor = tf.TensorSpec([], tf.float32, "factor")
    model = save(tmp_path / "model", serve, EXAMPLES, factor)
    with pytest.raises(SplitError, match="takes 'examples', 'factor'"):
        split_model(model)


def test_assertions_of_the_signature_are_named(tmp_path):
    def compute(parsed):
        check = tf.debugging.assert_positive(parsed["x"], name="check")
        with tf.control_dependencies([check]):
            return {"y": tf.identity(parsed["x"]) * 2}

    model = save_parsing(tmp_path / "model", {"x": _SCALAR}, compute)
    conversion = check_contract(model, [example(x=[1.0])])
    (name,) = conversion.split.checks
    assert "check" in name


def test_batch_size_is_fixed(parsing):
    examples = [example(x=[float(i)]) for i in range(3)]
    conversion = check_contract(parsing, examples, "batch_size: 3")
    assert conversion.inputs == {"x": ("float32", [3])}
    assert conversion.model.batch_size == 3


def test_batch_size_of_tensors_is_fixed(tmp_path):
    conversion = convert_model(_save_taking(tmp_path / "model", [None, 2]), "batch_size: 4")
    assert conversion.inputs == {"x0": ("float32", [4, 2])}
    check_inputs(conversion, {"x0": tf.ones([4, 2])})


def test_batch_size_of_the_signature_is_kept(tmp_path):
    spec = tf.TensorSpec([2], tf.string, "examples")
    model = save(
        tmp_path / "model", lambda examples: tf.io.parse_example(examples, {"x": _SCALAR}), spec
    )
    conversion = check_contract(model, [example(x=[1.0]), example(x=[2.0])])
    assert conversion.inputs == {"x": ("float32", [2])}
    assert conversion.split.head.function.inputs[0].shape == [2]


@pytest.mark.parametrize("parses", [True, False])
def test_batch_size_that_contradicts_the_signature_is_refused(tmp_path, parses):
    if parses:
        spec = tf.TensorSpec([2], tf.string, "examples")
        serve = lambda examples: tf.io.parse_example(examples, {"x0": _SCALAR})  # noqa: E731
        model = save(tmp_path / "model", serve, spec)
    else:
        model = _save_taking(tmp_path / "model", [2])
    with pytest.raises(ConfigError, match=r"batch_size: 5 contradicts .*'x0' has shape \(2,\)"):
        split_model(model, "batch_size: 5")


def test_input_of_unknown_rank_is_refused_by_name(tmp_path):
    model = _save_taking(tmp_path / "model", [None, 2], None)
    with pytest.raises(SplitError, match="'x1' has no known rank"):
        split_model(model)


def test_unknown_rank_of_the_examples_is_a_batch(tmp_path):
    spec = tf.TensorSpec(None, tf.string, "examples")
    model = save(
        tmp_path / "model", lambda examples: tf.io.parse_example(examples, {"x": _SCALAR}), spec
    )
    conversion = check_contract(model, [example(x=[1.0]), example(x=[2.0])])
    assert conversion.inputs == {"x": ("float32", [None])}


def test_same_signature_is_split_alike_every_time(tmp_path):
    model = _save_taking(tmp_path / "model", *[[None]] * 5)
    first, second = (split_model(model).tail for _ in range(2))
    assert list(first.input_names.items()) == list(second.input_names.items())
    assert list(first.input_names.values()) == [f"x{i}" for i in range(5)]
    np.testing.assert_array_equal(first.function(**_ones(first))["output_0"], [5.0])


def _ones(tail):
    return {plain: tf.ones([1]) for plain in tail.input_names}
