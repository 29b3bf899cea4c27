"""Features that are split off behind the last of their ops without a builtin form."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import tensorflow as tf
from models import Tensors, example, save, save_parsing
from transformed import FEATURES, save_trained

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, flatten
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import Split, split

_REFUSED = ("StringToHashBucketFast", "StringLower", "StringSplitV2", "DecodeRaw", "SparseCross")
_STRING = tf.io.FixedLenFeature([], tf.string)
_EXAMPLES = [
    example(text=[text], other=[other], x=[x])
    for text, other, x in [("A b", "c", 1.5), ("", "A b", -2.0), ("c d e f", "", 0.25)]
]
_FEATURES = {"text": _STRING, "other": _STRING, "x": tf.io.FixedLenFeature([], tf.float32)}


def _split(saved_model: pathlib.Path, ops: Sequence[str] = _REFUSED) -> Split:
    signature = load_signature(saved_model, "serving_default")
    return split(signature, Boundary.PER_FEATURE, refused=_nodes(signature, ops))


def _nodes(signature: ConcreteFunction, ops: Sequence[str]) -> set[str]:
    graph = flatten(signature)
    return {
        name
        for name, node in graph.nodes.items()
        if any(part.op in ops for part in (node, *graph.inner_nodes(node)))
    }


def _check(saved_model: pathlib.Path, examples: Sequence[bytes] = _EXAMPLES) -> Split:
    """Holds head and tail to the signature: on all examples, and on each by itself."""
    parts = _split(saved_model)
    for batch in [list(examples), *([one] for one in examples)]:
        taken = parts.head.function(tf.constant(batch))
        names = parts.tail.input_names
        found = parts.tail.function(**{plain: taken[name] for plain, name in names.items()})
        expected = parts.signature(**parts.head.feed(tf.constant(batch)))
        assert all(len(tensor) == len(batch) for tensor in taken.values())
        for plain, name in parts.tail.output_names.items():
            np.testing.assert_allclose(found[plain], expected[name], rtol=1e-6)
    return parts


def _inputs(parts: Split) -> Mapping[str, tuple[str, list[int | None]]]:
    return {
        name: (spec.dtype.name, spec.shape.as_list()) for name, spec in parts.tail.specs.items()
    }


def _tail_ops(parts: Split) -> set[str]:
    return {node.op for node in parts.tail.function.graph.as_graph_def().node}


def _hash(text: tf.Tensor, size: int = 50) -> tf.Tensor:
    return tf.cast(tf.strings.to_hash_bucket_fast(text, size), tf.float32)


def test_only_the_feature_that_is_hashed_arrives_hashed(tmp_path: pathlib.Path) -> None:
    source = save_parsing(
        tmp_path / "model", _FEATURES, lambda f: {"y": _hash(f["text"]) * f["x"] + f["x"]}
    )
    parts = _check(source)
    assert _inputs(parts) == {"text": ("int64", [None]), "x": ("float32", [None])}
    assert _tail_ops(parts).isdisjoint(_REFUSED)


def test_signature_that_takes_tensors_is_split_alike(tmp_path: pathlib.Path) -> None:
    source = save(
        tmp_path / "model",
        lambda text, x: {"y": _hash(text) * x},
        tf.TensorSpec([None], tf.string, "text"),
        tf.TensorSpec([None], tf.float32, "x"),
    )
    assert _inputs(_check(source)) == {"text": ("int64", [None]), "x": ("float32", [None])}


def test_what_vocabulary_and_hash_make_of_a_feature_is_one_input(tmp_path: pathlib.Path) -> None:
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["c"], tf.constant([0], tf.int64)), -1
    )
    module = tf.Module()
    module.table = table

    def compute(features: Tensors) -> Tensors:
        ranks = table.lookup(features["text"])
        hashed = tf.strings.to_hash_bucket_fast(features["text"], 5) + 1
        return {"y": tf.one_hot(tf.where(ranks < 0, hashed, ranks), 7)}

    parts = _check(save_parsing(tmp_path / "model", _FEATURES, compute, module))
    assert _inputs(parts) == {"text": ("int64", [None])}
    assert "SelectV2" not in _tail_ops(parts)


def test_feature_that_is_used_raw_as_well_arrives_both_ways(tmp_path: pathlib.Path) -> None:
    weights = tf.Module()
    weights.variable = tf.Variable(tf.range(60.0))

    def compute(features: Tensors) -> Tensors:
        with tf.name_scope("bucket"):
            hashed = tf.strings.to_hash_bucket_fast(features["text"], 50)
        is_empty = tf.cast(features["text"] == "", tf.float32)
        return {"y": tf.gather(weights.variable, hashed) + is_empty * weights.variable[3]}

    parts = _check(save_parsing(tmp_path / "model", _FEATURES, compute, weights))
    assert _inputs(parts) == {"text": ("string", [None]), "text_bucket": ("int64", [None])}


def test_words_arrive_as_rows_of_a_batch(tmp_path: pathlib.Path) -> None:
    def compute(features: Tensors) -> Tensors:
        words = tf.strings.split(tf.strings.lower(features["text"])).to_tensor("", shape=[None, 3])
        return {"y": tf.cast(words == "a", tf.float32)}

    parts = _check(save_parsing(tmp_path / "model", _FEATURES, compute))
    assert _inputs(parts) == {"text": ("string", [None, 3])}


def test_loop_over_a_batch_arrives_as_what_it_stacks(tmp_path: pathlib.Path) -> None:
    def decode(pixels: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.cast(tf.io.decode_raw(pixels, tf.uint8), tf.float32), [2, 2])

    def compute(features: Tensors) -> Tensors:
        images = tf.map_fn(decode, features["image"], fn_output_signature=tf.float32)
        return {"y": tf.reduce_sum(tf.ensure_shape(images, [None, 2, 2]), 1)}

    source = save_parsing(tmp_path / "model", {"image": _STRING}, compute)
    parts = _check(source, [example(image=[bytes(range(n, n + 4))]) for n in range(3)])
    assert _inputs(parts) == {"image": ("float32", [None, 2, 2])}
    assert "StatelessWhile" not in _tail_ops(parts)


def test_cross_of_two_features_is_named_after_both(tmp_path: pathlib.Path) -> None:
    def compute(features: Tensors) -> Tensors:
        crossed = tf.strings.join([features["text"], features["other"]], "_")
        return {"y": _hash(crossed) + _hash(features["other"]) + features["x"]}

    parts = _check(save_parsing(tmp_path / "model", _FEATURES, compute))
    assert _inputs(parts) == {"other_text": ("float32", [None]), "x": ("float32", [None])}


def test_two_hashes_of_a_feature_have_names_of_their_own(tmp_path: pathlib.Path) -> None:
    weights = tf.Module()
    weights.variable = tf.Variable(tf.range(60.0))

    def compute(features: Tensors) -> Tensors:
        found = []
        for size in (20, 40):
            with tf.name_scope(f"hash_{size}"):
                found.append(tf.strings.to_hash_bucket_fast(features["text"], size))
        return {"y": tf.gather(weights.variable, found[0]) - tf.gather(weights.variable, found[1])}

    parts = _check(save_parsing(tmp_path / "model", _FEATURES, compute, weights))
    assert set(_inputs(parts)) == {"text", "text_hash_40"}


def test_weights_stay_in_the_tail(tmp_path: pathlib.Path) -> None:
    weights = tf.Module()
    weights.variable = tf.Variable(2.0)

    def compute(features: Tensors) -> Tensors:
        return {"y": _hash(tf.strings.as_string(features["x"] * weights.variable)) + 1.0}

    source = save_parsing(tmp_path / "model", _FEATURES, compute, weights)
    with pytest.raises(SplitError, match="weights come before 'StringToHashBucketFast'"):
        _split(source)


def test_output_without_a_builtin_form_is_refused_by_name(tmp_path: pathlib.Path) -> None:
    source = save_parsing(
        tmp_path / "model",
        _FEATURES,
        lambda f: {"y": f["x"], "label": tf.strings.lower(f["text"])},
    )
    with pytest.raises(SplitError, match="Output 'label' is the result of op 'StringLower'"):
        _split(source)


def test_refused_op_of_which_no_batch_is_made_is_refused(tmp_path: pathlib.Path) -> None:
    def compute(features: Tensors) -> Tensors:
        words = tf.strings.split(features["text"]).flat_values
        return {"y": tf.cast(tf.size(words), tf.float32) * features["x"]}

    source = save_parsing(tmp_path / "model", _FEATURES, compute)
    with pytest.raises(SplitError, match="'StringSplitV2' cannot be an input"):
        _split(source)


def test_only_transformed_features_that_are_hashed_arrive_transformed(
    tmp_path: pathlib.Path,
) -> None:
    def transform(features: Tensors) -> Tensors:
        hashed = tf.strings.to_hash_bucket_fast(features["text"], 50)
        return {"text_xf": hashed + 1, "x_xf": features["x"] * 2.0}

    def infer(transformed: Tensors, parsed: Tensors) -> Tensors:
        numbers = tf.reduce_sum(transformed["x_xf"], 1)
        return {"y": tf.cast(transformed["text_xf"], tf.float32) * numbers}

    source = save_trained(tmp_path / "model", transform, infer)
    examples = [example(text=["A b"], x=[1.0, -2.0]), example(text=[""], x=[0.5, 4.0])]
    parts = _check(source, examples)
    assert set(FEATURES) == {"text", "x"}
    assert _inputs(parts) == {"text_xf": ("int64", [None]), "x": ("float32", [None, 2])}


def test_op_that_the_model_itself_lacks_is_split_off_behind_the_transformed_feature(
    tmp_path: pathlib.Path,
) -> None:
    def transform(features: Tensors) -> Tensors:
        return {"text_xf": tf.strings.lower(features["text"]), "x_xf": features["x"] * 2.0}

    def infer(transformed: Tensors, parsed: Tensors) -> Tensors:
        return {"y": _hash(transformed["text_xf"]) * transformed["x_xf"][:, 0]}

    source = save_trained(tmp_path / "model", transform, infer)
    parts = _check(source, [example(text=["A b"], x=[1.0, -2.0])])
    assert _inputs(parts) == {"text_xf": ("int64", [None]), "x": ("float32", [None, 2])}


def test_head_knows_that_what_it_looks_up_has_a_batch(tmp_path: pathlib.Path) -> None:
    words = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64)), 3
    )
    module = tf.Module()
    module.words = words
    source = save_parsing(
        tmp_path / "model",
        _FEATURES,
        lambda f: {"y": tf.gather(tf.range(5.0), words.lookup(f["text"]))},
        module,
    )
    parts = _check(source)
    assert parts.head.function.structured_outputs["text"].shape.as_list() == [None]


def test_no_refused_op_leaves_every_feature_as_it_is_parsed(tmp_path: pathlib.Path) -> None:
    source = save_parsing(tmp_path / "model", _FEATURES, lambda f: {"y": f["x"] * 2.0})
    assert _inputs(_check(source)) == {"x": ("float32", [None])}
