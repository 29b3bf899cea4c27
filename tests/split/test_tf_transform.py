"""The boundary at which TF Transform hands over."""

import pytest
import tensorflow as tf
from contract import SELECT_TF_OPS, check_contract, split_model
from models import example
from transformed import FEATURES, save_trained

from tfx_tflite_component.errors import SourceModelError, SplitError
from tfx_tflite_component.graph.saved_model import load_signature, load_transform
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import split

_PINNED = "input_boundary: TRANSFORMED_FEATURES "
_EXAMPLES = [
    example(text=["A b"], x=[1.0, -2.0]),
    example(text=[""], x=[0.5, 4.0]),
    example(text=["zz"]),
]


def _transform(features):
    """Hashes and scales; the label is computed as well, and no output depends on it."""
    return {
        "text_xf": tf.strings.to_hash_bucket_fast(features["text"], 50),
        "x_xf": features["x"] * 2.0 - 1.0,
        "label_xf": tf.reduce_sum(features["x"], axis=1),
    }


def _infer(transformed, parsed):
    one_hot = tf.one_hot(transformed["text_xf"], 50)
    return {"y": tf.concat([one_hot, transformed["x_xf"]], axis=1)}


@pytest.fixture
def trained(tmp_path):
    return save_trained(tmp_path / "model", _transform, _infer)


def test_tail_takes_the_transformed_features_that_it_needs_by_their_names(trained):
    conversion = check_contract(trained, _EXAMPLES, _PINNED)
    assert conversion.split.boundary is Boundary.TRANSFORMED_FEATURES
    assert conversion.inputs == {"text_xf": ("int64", [None]), "x_xf": ("float32", [None, 2])}


def test_reason_names_the_call(trained):
    reason = split_model(trained, _PINNED).reason
    assert "'PartitionedCall/transform_features_layer/PartitionedCall'" in reason


def test_batch_size_is_that_of_the_tail(trained):
    conversion = check_contract(trained, _EXAMPLES[:2], _PINNED + "batch_size: 2")
    assert conversion.inputs["x_xf"] == ("float32", [2, 2])


def test_head_lists_every_feature_of_its_examples(trained):
    found = {feature.name for feature in split_model(trained, _PINNED).features}
    assert found == set(FEATURES)


def test_feature_used_without_transform_is_an_input_too(tmp_path):
    model = save_trained(
        tmp_path / "model",
        _transform,
        lambda transformed, parsed: {"y": transformed["x_xf"] + parsed["x"]},
    )
    conversion = check_contract(model, _EXAMPLES, _PINNED)
    assert sorted(conversion.inputs) == ["x", "x_xf"]


def test_raw_and_transformed_feature_with_the_same_name_are_refused(tmp_path):
    model = save_trained(
        tmp_path / "model",
        lambda features: {"x": features["x"] * 2.0},
        lambda transformed, parsed: {"y": transformed["x"] + parsed["x"]},
    )
    with pytest.raises(SplitError, match="two inputs named 'x'"):
        split_model(model, _PINNED)


@pytest.mark.parametrize(
    ("transform", "tensors"),
    [
        (lambda features: {"x_xf": features["x"]}, {"x_xf": ("float32", [None, 2])}),
        (
            lambda features: {"a_xf": features["x"], "b_xf": features["x"]},
            {"a_xf": ("float32", [None, 2]), "b_xf": ("float32", [None, 2])},
        ),
    ],
    ids=["passed on", "passed on twice"],
)
def test_feature_passed_through_transform_has_its_transformed_name(tmp_path, transform, tensors):
    model = save_trained(
        tmp_path / "model",
        transform,
        lambda transformed, parsed: {"y": tf.add_n(list(transformed.values()))},
    )
    assert check_contract(model, _EXAMPLES, _PINNED).inputs == tensors


def test_sparse_feature_crosses_padded_with_its_lengths(tmp_path):
    model = save_trained(
        tmp_path / "model",
        lambda features: {
            "ids": tf.SparseTensor(
                features["ids"].indices, features["ids"].values % 7, features["ids"].dense_shape
            )
        },
        lambda transformed, parsed: {"y": tf.sparse.to_dense(transformed["ids"], -1)},
        {"ids": tf.io.VarLenFeature(tf.int64)},
    )
    conversion = check_contract(
        model, [example(ids=[8, 9, 10]), example(ids=[3]), example(ids=[14, 1])], _PINNED
    )
    assert conversion.inputs == {"ids": ("int64", [None, None]), "ids_length": ("int64", [None])}


def test_head_has_the_tables_and_variables_that_it_reads_and_no_others(tmp_path):
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["zz", ""], tf.constant([3, 4], tf.int64)), -1
    )
    module.mean = tf.Variable([1.0, 2.0])
    module.weights = tf.Variable([3.0, 4.0])
    model = save_trained(
        tmp_path / "model",
        lambda features: {
            "text_xf": module.table.lookup(features["text"]),
            "x_xf": features["x"] - module.mean,
        },
        lambda transformed, parsed: {
            "y": transformed["x_xf"] * module.weights,
            "id": transformed["text_xf"],
        },
        module=module,
    )
    head = check_contract(model, _EXAMPLES, _PINNED).split.head
    assert [variable.numpy().tolist() for variable in head.resources.variables] == [[1.0, 2.0]]
    path = tmp_path / "head"
    tf.saved_model.save(head.resources, str(path), signatures=head.function)
    taken = tf.saved_model.load(str(path)).signatures["serving_default"](tf.constant(_EXAMPLES))
    assert taken["text_xf"].numpy().tolist() == [-1, 4, 3]
    assert taken["x_xf"].numpy().tolist() == [[0, -4], [-0.5, 2], [-1, -2]]


class TestNames:
    def test_unknown_feature_names_require_the_transform_graph(self, tmp_path):
        model = save_trained(tmp_path / "model", _transform, _infer, saves_names=False)
        with pytest.raises(SplitError, match=r"returns 3 tensors.* no names for 2 of them") as e:
            split_model(model, _PINNED)
        assert "transform_graph=transform.outputs['transform_graph']" in str(e.value)

    def test_transform_graph_provides_feature_names(self, tmp_path):
        model = save_trained(tmp_path / "model", _transform, _infer, saves_names=False)
        parts = split(
            load_signature(model, "serving_default"),
            Boundary.TRANSFORMED_FEATURES,
            transform=load_transform(tmp_path / "transform_graph"),
        )
        assert sorted(parts.tail.specs) == ["text_xf", "x_xf"]

    def test_transform_graph_is_found_outside_of_the_layer(self, tmp_path):
        model = save_trained(tmp_path / "model", _transform, _infer, scope="preprocessing")
        with pytest.raises(SplitError, match="TransformFeaturesLayer once; it is called nowhere"):
            split_model(model, _PINNED)
        parts = split(
            load_signature(model, "serving_default"),
            Boundary.TRANSFORMED_FEATURES,
            transform=load_transform(tmp_path / "transform_graph"),
        )
        assert sorted(parts.tail.specs) == ["text_xf", "x_xf"]

    def test_transform_graph_of_another_model_is_refused(self, trained, tmp_path):
        save_trained(tmp_path / "other" / "model", lambda x: {"x_xf": x["x"] + 1.0}, _infer_other)
        with pytest.raises(SplitError, match="calls this transform graph once; it is called nowhe"):
            split(
                load_signature(trained, "serving_default"),
                Boundary.TRANSFORMED_FEATURES,
                transform=load_transform(tmp_path / "other" / "transform_graph"),
            )

    def test_invalid_transform_graph_is_refused(self, trained):
        with pytest.raises(SourceModelError, match="cannot be read"):
            load_transform(trained)

    def test_transform_graph_of_tf1_is_refused(self, tmp_path):
        tf.saved_model.save(tf.Module(), str(tmp_path / "transform_fn"))
        with pytest.raises(SourceModelError, match="made for TF1"):
            load_transform(tmp_path)


def test_layer_that_is_called_twice_is_refused(tmp_path):
    def infer(transformed, parsed):
        with tf.name_scope("transform_features_layer_1"):
            again = twice(x=parsed["x"] + 1.0)
        return {"y": transformed["x_xf"] + again["x_xf"]}

    twice = tf.function(lambda x: {"x_xf": x * 2.0}).get_concrete_function(
        x=tf.TensorSpec([None, 2], name="x")
    )
    model = save_trained(tmp_path / "model", lambda f: {"x_xf": f["x"] * 2.0}, infer)
    with pytest.raises(SplitError, match=r"once; it is called .*layer/.*, .*layer_1/"):
        split_model(model, _PINNED)


def test_transformed_features_of_a_model_with_select_tf_ops(trained):
    conversion = check_contract(trained, _EXAMPLES, "input_boundary: RAW_FEATURES " + SELECT_TF_OPS)
    assert sorted(conversion.inputs) == ["text", "x"]


def _infer_other(transformed, parsed):
    return {"y": transformed["x_xf"]}
