"""The features that parse ops name, and the parse ops that are refused."""

import pytest
import tensorflow as tf
from contract import check_contract, split_model
from models import EXAMPLES, example, save, save_parsing, save_tf1

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.split.parse_ops import Layout

_SCALAR = tf.io.FixedLenFeature([], tf.float32)


@pytest.mark.parametrize("shape", [[], [3], [2, 2, 1]])
@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (tf.float32, [0.5, -1.5, 2.0, 3.25]),
        (tf.int64, [3, -1, 2**40, 0]),
        (tf.string, ["a", "", "größe", "d"]),
    ],
)
def test_fixed_length_feature_crosses_unchanged(tmp_path, shape, dtype, values):
    size = tf.TensorShape(shape).num_elements()
    model = save_parsing(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature(shape, dtype)},
        lambda parsed: {"y": parsed["x"]},
    )
    examples = [example(x=values[:size]), example(x=values[-size:])]
    conversion = check_contract(model, examples)
    assert conversion.inputs == {"x": (dtype.name, [None, *shape])}


@pytest.mark.parametrize(
    ("dtype", "default", "present"),
    [
        (tf.float32, 1.5, [2.0]),
        (tf.float32, [[1.5], [-2.5]], [3.0, 4.0]),
        (tf.int64, -7, [5]),
        (tf.int64, [3, 4], [5, 6]),
        (tf.string, "none", ["some"]),
        (tf.string, ["", "b"], ["c", "d"]),
    ],
)
def test_missing_value_becomes_the_default_of_the_model(tmp_path, dtype, default, present):
    batch_of_default = tf.constant([default], dtype)
    model = save_parsing(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature(batch_of_default.shape[1:], dtype, default)},
        lambda parsed: {"y": parsed["x"]},
    )
    conversion = check_contract(model, [example(), example(x=present)])
    head = conversion.split.head.function(tf.constant([example()]))
    assert head["x"].numpy().tolist() == batch_of_default.numpy().tolist()
    (feature,) = conversion.split.features
    assert feature.default == tuple(batch_of_default.numpy().ravel().tolist())


def test_head_fails_like_the_signature_on_a_missing_required_value(tmp_path):
    model = save_parsing(tmp_path / "model", {"x": _SCALAR}, lambda parsed: {"y": parsed["x"]})
    parts = split_model(model)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"x .* is required"):
        parts.head.function(tf.constant([example()]))


def test_fixed_length_sequence_is_padded_with_the_default_of_the_model(tmp_path):
    features = {
        "x": tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True, default_value=-3.0),
        "pairs": tf.io.FixedLenSequenceFeature([2], tf.int64, allow_missing=True),
    }
    model = save_parsing(
        tmp_path / "model",
        features,
        lambda parsed: {"x": parsed["x"] * 2, "pairs": parsed["pairs"] + 1},
    )
    examples = [example(x=[1.0, 2.0], pairs=[1, 2]), example(x=[3.0], pairs=[1, 2, 3, 4])]
    conversion = check_contract(model, examples)
    assert conversion.inputs == {
        "x": ("float32", [None, None]),
        "pairs": ("int64", [None, None, 2]),
    }
    head = conversion.split.head.function(tf.constant(examples))
    assert head["x"].numpy().tolist() == [[1, 2], [3, -3]]


def test_features_are_described_as_the_parse_op_has_them(tmp_path):
    features = {
        "dense": tf.io.FixedLenFeature([2], tf.float32, [1.0, 2.0]),
        "sparse": tf.io.VarLenFeature(tf.string),
        "ragged": tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
    }
    model = save_parsing(
        tmp_path / "model", features, lambda parsed: {"y": parsed["dense"][:, 0] * 2}
    )
    found = {feature.name: feature for feature in split_model(model).features}
    assert {name: feature.layout for name, feature in found.items()} == {
        "dense": Layout.DENSE,
        "sparse": Layout.SPARSE,
        "ragged": Layout.RAGGED,
    }
    assert str(found["dense"]) == "dense float32 [2] with default [1.0, 2.0]"
    assert str(found["sparse"]) == "sparse string [None]"
    assert str(found["ragged"]) == "ragged int64 [None], row splits int64"


def test_parse_op_of_tf1_is_split(tmp_path):
    def build(examples):
        indices, values, shapes, dense = tf.raw_ops.ParseExample(
            serialized=examples,
            names=[],
            sparse_keys=["count", "word"],
            dense_keys=["size", "label"],
            dense_defaults=[tf.constant([9.0, 8.0]), tf.constant([], tf.string)],
            sparse_types=[tf.int64, tf.string],
            dense_shapes=[[2], []],
        )
        count, word = (tf.SparseTensor(indices[i], values[i], [shapes[i][0], 1]) for i in range(2))
        return {
            "size": dense[0] * 2,
            "label": dense[1],
            "count": tf.sparse.to_dense(count, -1),
            "word": tf.sparse.to_dense(word, "?"),
        }

    model = save_tf1(tmp_path / "model", build)
    examples = [
        example(size=[1.0, 2.0], label=["a"], count=[5], word=["w"]),
        example(label=["b"]),
    ]
    conversion = check_contract(model, examples)
    assert conversion.inputs == {
        "size": ("float32", [None, 2]),
        "label": ("string", [None]),
        "count": ("int64", [None, 1]),
        "word": ("string", [None, 1]),
    }


def test_features_of_several_parse_ops_cross(tmp_path):
    def serve(examples):
        first = tf.io.parse_example(examples, {"a": _SCALAR})
        second = tf.io.parse_example(examples, {"b": tf.io.FixedLenFeature([2], tf.float32)})
        return {"y": first["a"][:, tf.newaxis] + second["b"]}

    model = save(tmp_path / "model", serve, EXAMPLES)
    conversion = check_contract(model, [example(a=[1.0], b=[2.0, 3.0])])
    assert sorted(conversion.inputs) == ["a", "b"]


def _map_single(examples):
    def parse(serialized):
        return tf.io.parse_single_example(serialized, {"a": _SCALAR})["a"]

    return {"y": tf.map_fn(parse, examples, fn_output_signature=tf.float32)}


def _single(example_):
    return {"y": tf.io.parse_single_example(example_, {"a": _SCALAR})["a"]}


def _first(examples):
    return {"y": tf.io.parse_single_example(examples[0], {"a": _SCALAR})["a"]}


def _single_of_tf1(example_):
    *_, dense = tf.raw_ops.ParseSingleExample(
        serialized=example_,
        dense_defaults=[tf.constant([], tf.float32)],
        num_sparse=0,
        sparse_keys=[],
        dense_keys=["a"],
        sparse_types=[],
        dense_shapes=[[]],
    )
    return {"y": dense[0]}


def _sequences(examples):
    steps = {"s": tf.io.FixedLenSequenceFeature([], tf.float32)}
    context, _, _ = tf.io.parse_sequence_example(examples, {"a": _SCALAR}, steps)
    return {"y": context["a"]}


@pytest.mark.parametrize(
    ("serve", "shape", "named"),
    [
        (_map_single, [None], r"map/while/.*ParseExampleV2' is a ParseExampleV2 inside"),
        (_single, [], r"ParseExampleV2' .*parses a single tf.Example"),
        (_first, [None], r"ParseExampleV2' .*'PartitionedCall/strided_slice' \(StridedSlice\)"),
        (_single_of_tf1, [], r"ParseSingleExample' is a ParseSingleExample"),
        (_sequences, [None], r"ParseSequenceExampleV2' is a ParseSequenceExampleV2"),
    ],
)
def test_other_ways_of_parsing_are_refused_by_name(tmp_path, serve, shape, named):
    model = save(tmp_path / "model", serve, tf.TensorSpec(shape, tf.string, name="examples"))
    with pytest.raises(SplitError, match=named):
        split_model(model)


def test_computed_default_is_refused_by_name(tmp_path):
    module = tf.Module()
    module.mean = tf.Variable([1.0])

    def serve(examples):
        (*_, dense, _, _) = tf.raw_ops.ParseExampleV2(
            serialized=examples,
            names=[],
            sparse_keys=[],
            dense_keys=["height"],
            ragged_keys=[],
            dense_defaults=[module.mean],
            num_sparse=0,
            sparse_types=[],
            ragged_value_types=[],
            ragged_split_types=[],
            dense_shapes=[[1]],
        )
        return {"y": dense[0]}

    model = save(tmp_path / "model", serve, EXAMPLES, module=module)
    with pytest.raises(SplitError, match=r"'height': its default value is computed .*ReadVariable"):
        split_model(model)
