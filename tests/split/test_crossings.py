"""How features cross the boundary."""

import pytest
import tensorflow as tf
from contract import SELECT_TF_OPS, check_contract, split_model
from models import EXAMPLES, example, save, save_parsing

from tfx_tflite_component.errors import SplitError

_VALUES = {tf.float32: [2.5, 1.0, -3.0], tf.int64: [7, 1, 2**33], tf.string: ["abc", "", "d"]}
_FILLERS = {tf.float32: -1.0, tf.int64: -1, tf.string: "?"}
_DTYPES = pytest.mark.parametrize("dtype", list(_VALUES), ids=lambda dtype: dtype.name)


@_DTYPES
def test_sparse_feature_made_a_column_crosses_as_a_column(tmp_path, dtype):
    def compute(parsed):
        x = parsed["x"]
        column = tf.SparseTensor(x.indices, x.values, [x.dense_shape[0], 1])
        return {"y": tf.squeeze(tf.sparse.to_dense(column, _FILLERS[dtype]), axis=1)}

    model = save_parsing(tmp_path / "model", {"x": tf.io.VarLenFeature(dtype)}, compute)
    examples = [example(x=_VALUES[dtype][:1]), example(x=[]), example()]
    conversion = check_contract(model, examples)
    assert conversion.inputs == {"x": (dtype.name, [None, 1])}
    filled = conversion.split.head.function(tf.constant([example()]))["x"].numpy()
    assert filled.tolist() == tf.constant([[_FILLERS[dtype]]], dtype).numpy().tolist()


@_DTYPES
def test_densified_sparse_feature_has_the_length_of_its_longest_row(tmp_path, dtype):
    model = save_parsing(
        tmp_path / "model",
        {"x": tf.io.VarLenFeature(dtype)},
        lambda parsed: {"y": tf.sparse.to_dense(parsed["x"], _FILLERS[dtype])},
    )
    values = _VALUES[dtype]
    conversion = check_contract(model, [example(x=values), example(x=values[:1])])
    assert conversion.inputs == {"x": (dtype.name, [None, None])}


def test_sparse_feature_sliced_before_it_is_made_dense_crosses_dense(tmp_path):
    model = save_parsing(
        tmp_path / "model",
        {"x": tf.io.VarLenFeature(tf.float32)},
        lambda parsed: {
            "y": tf.sparse.to_dense(tf.sparse.slice(parsed["x"], [0, 0], [100, 2])) * 2
        },
    )
    conversion = check_contract(model, [example(x=[1.0, 2.0, 3.0]), example(x=[4.0, 5.0])])
    assert list(conversion.inputs) == ["x"]


def test_sparse_feature_densified_twice_the_same_way_crosses_dense(tmp_path):
    def compute(parsed):
        first, second = (tf.sparse.to_dense(parsed["x"], -1.0) for _ in range(2))
        return {"y": first * 2 + second}

    model = save_parsing(tmp_path / "model", {"x": tf.io.VarLenFeature(tf.float32)}, compute)
    conversion = check_contract(model, [example(x=[1.0, 2.0]), example(x=[4.0])])
    assert list(conversion.inputs) == ["x"]


def test_sparse_feature_densified_in_two_ways_crosses_with_its_lengths(tmp_path):
    def compute(parsed):
        return {"y": tf.sparse.to_dense(parsed["x"], -1.0) + tf.sparse.to_dense(parsed["x"], -9.0)}

    model = save_parsing(tmp_path / "model", {"x": tf.io.VarLenFeature(tf.float32)}, compute)
    examples = [example(x=[1.0, 2.0]), example(x=[4.0])]
    conversion = check_contract(model, examples, SELECT_TF_OPS)
    assert sorted(conversion.inputs) == ["x", "x_length"]


def test_ops_before_densifying_stay_in_the_tail(tmp_path):
    def compute(parsed):
        x = parsed["x"]
        doubled = tf.SparseTensor(x.indices, x.values * 2, x.dense_shape)
        return {"y": tf.sparse.to_dense(doubled, -1.0)}

    model = save_parsing(tmp_path / "model", {"x": tf.io.VarLenFeature(tf.float32)}, compute)
    examples = [example(x=[1.0, 2.0]), example(x=[4.0])]
    conversion = check_contract(model, examples, SELECT_TF_OPS)
    assert conversion.split.head.function(tf.constant(examples))["x"].numpy().tolist() == [
        [1, 2],
        [4, 0],
    ]


@_DTYPES
def test_sparse_feature_crosses_with_its_lengths(tmp_path, dtype):
    def compute(parsed):
        x = parsed["x"]
        if dtype == tf.string:
            y = tf.RaggedTensor.from_sparse(x).to_tensor("~", shape=[None, 4])
        else:
            y = tf.sparse.reduce_sum(x, axis=1)
        return {"y": y}

    model = save_parsing(tmp_path / "model", {"x": tf.io.VarLenFeature(dtype)}, compute)
    values = _VALUES[dtype]
    examples = [example(x=values), example(x=values[:1]), example(x=[]), example()]
    conversion = check_contract(model, examples, SELECT_TF_OPS)
    assert conversion.inputs == {"x": (dtype.name, [None, None]), "x_length": ("int64", [None])}
    head = conversion.split.head.function(tf.constant(examples))
    assert head["x_length"].numpy().tolist() == [3, 1, 0, 0]


@_DTYPES
@pytest.mark.parametrize("split_dtype", [tf.int32, tf.int64], ids=lambda dtype: dtype.name)
def test_ragged_feature_crosses_with_its_lengths(tmp_path, dtype, split_dtype):
    def compute(parsed):
        x = parsed["x"]
        return {"y": x.to_tensor(_FILLERS[dtype], shape=[None, 4]), "n": x.row_lengths()}

    feature = tf.io.RaggedFeature(dtype, row_splits_dtype=split_dtype)
    model = save_parsing(tmp_path / "model", {"x": feature}, compute)
    values = _VALUES[dtype]
    examples = [example(x=values), example(x=values[:1]), example()]
    conversion = check_contract(model, examples, SELECT_TF_OPS)
    assert conversion.inputs == {"x": (dtype.name, [None, None]), "x_length": ("int64", [None])}
    assert conversion.model.outputs["n"].dtype == split_dtype.as_numpy_dtype


@pytest.mark.parametrize(
    "feature",
    [tf.io.VarLenFeature(tf.float32), tf.io.RaggedFeature(tf.float32)],
    ids=["sparse", "ragged"],
)
def test_batch_without_any_value_crosses_as_a_column_of_padding(tmp_path, feature):
    def compute(parsed):
        x = parsed["x"]
        if isinstance(x, tf.SparseTensor):
            x = tf.RaggedTensor.from_sparse(x)
        return {"y": x.to_tensor(-1.0, shape=[None, 2])}

    model = save_parsing(tmp_path / "model", {"x": feature}, compute)
    conversion = check_contract(model, [example(), example(x=[])], SELECT_TF_OPS)
    head = conversion.split.head.function(tf.constant([example(), example()]))
    assert {name: tensor.numpy().tolist() for name, tensor in head.items()} == {
        "x": [[0], [0]],
        "x_length": [0, 0],
    }


def test_features_that_no_output_depends_on_are_no_inputs(tmp_path):
    features = {
        "used": tf.io.FixedLenFeature([], tf.float32),
        "dense": tf.io.FixedLenFeature([], tf.string, ""),
        "sparse": tf.io.VarLenFeature(tf.int64),
        "ragged": tf.io.RaggedFeature(tf.float32),
    }
    model = save_parsing(tmp_path / "model", features, lambda parsed: {"y": parsed["used"] * 2})
    conversion = check_contract(model, [example(used=[1.0], dense=["a"], sparse=[3])])
    assert list(conversion.model.inputs) == ["used"]


def test_feature_named_like_the_lengths_of_another_is_refused(tmp_path):
    features = {
        "words": tf.io.VarLenFeature(tf.float32),
        "words_length": tf.io.FixedLenFeature([], tf.float32),
    }
    model = save_parsing(
        tmp_path / "model",
        features,
        lambda parsed: {"y": tf.sparse.reduce_sum(parsed["words"], 1) + parsed["words_length"]},
    )
    with pytest.raises(SplitError, match="'words' and 'words_length' both need an input"):
        split_model(model)


def _parsing_twice(folder, first, second):
    def serve(examples):
        a = tf.io.parse_example(examples, first)["x"]
        b = tf.io.parse_example(examples, second)["x"]
        if isinstance(a, tf.SparseTensor):
            a, b = tf.sparse.reduce_sum(a, 1), tf.sparse.reduce_sum(b, 1)
        return {"y": a * 2 + b}

    return save(folder, serve, EXAMPLES)


@pytest.mark.parametrize(
    "feature",
    [
        tf.io.FixedLenFeature([], tf.float32, 3.0),
        tf.io.FixedLenFeature([], tf.float32, float("nan")),
        tf.io.VarLenFeature(tf.float32),
    ],
    ids=["default", "NaN by default", "sparse"],
)
def test_feature_parsed_alike_by_two_ops_is_one_input(tmp_path, feature):
    model = _parsing_twice(tmp_path / "model", {"x": feature}, {"x": feature})
    conversion = check_contract(model, [example(x=[1.0]), example(x=[2.0])], SELECT_TF_OPS)
    assert conversion.model.inputs.keys() - {"x_length"} == {"x"}


def test_feature_parsed_in_different_ways_is_refused_by_name(tmp_path):
    model = _parsing_twice(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature([], tf.float32)},
        {"x": tf.io.FixedLenFeature([], tf.float32, 2.0)},
    )
    message = r"'x' is parsed twice .*dense float32 \[\], and as .* with default \[2.0\]"
    with pytest.raises(SplitError, match=message):
        split_model(model)
