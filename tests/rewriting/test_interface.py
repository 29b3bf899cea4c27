"""The config's `interface`: integers of 32 bits, static shapes, and what takes such a model."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from models import save
from quantizable import Rewritten, example, rewritten, save_model, weights

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import ConfigError, ExamplesError
from tfx_tflite_component.report.schema import Evidence
from tfx_tflite_component.rewriting.compare import compare
from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.verification.compare_files import compare_files

_INT32 = {"interface": {"integers": "INT32"}}
_FEATURES = {
    "hour": tf.io.FixedLenFeature([], tf.int64),
    "id": tf.io.FixedLenFeature([], tf.int64, default_value=3),
    "x": tf.io.FixedLenFeature([4], tf.float32),
}
_EXAMPLES = [example(hour=row % 24, id=7 * row, x=np.sin(np.arange(4) + row)) for row in range(24)]


def _save(folder: pathlib.Path) -> pathlib.Path:
    """Saves a model of an embedded hour, an id and floats, with two outputs of integers."""
    hours, dense = weights(24, 5), weights(4, 5)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        shift = 0.01 * tf.cast(features["id"], tf.float32)[:, None]
        scores = tf.gather(hours, features["hour"]) + features["x"] @ dense + shift
        return {"scores": scores, "best": tf.argmax(scores, 1), "next": features["hour"] + 1}

    return save_model(folder, _FEATURES, compute, hours, dense)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return _save(tmp_path_factory.mktemp("interface") / "source")


@pytest.fixture(scope="module")
def narrow(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Rewritten:
    return rewritten(source, tmp_path_factory.mktemp("narrow"), _INT32, (), _EXAMPLES)


@pytest.fixture(scope="module")
def wide(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Rewritten:
    return rewritten(source, tmp_path_factory.mktemp("wide"), {}, (), _EXAMPLES)


def _dtypes(result: Rewritten) -> dict[str, str]:
    tensors = {**result.report.inputs, **result.report.outputs}
    return {name: tensor.dtype for name, tensor in tensors.items()}


def _score(result: Rewritten, examples: Sequence[bytes]) -> dict[str, np.ndarray]:
    return Scorer(str(result.path.parent)).score(examples)


def test_integers_stay_64_bit_by_default(wide: Rewritten) -> None:
    assert {"int64"} == {_dtypes(wide)[name] for name in ("hour", "id", "best", "next")}


def test_integers_are_narrowed_and_floats_are_not(narrow: Rewritten) -> None:
    assert _dtypes(narrow) == {
        **dict.fromkeys(["hour", "id", "best", "next"], "int32"),
        **dict.fromkeys(["x", "scores"], "float32"),
    }


def test_narrow_model_scores_examples_bit_for_bit_as_the_wide_one(
    narrow: Rewritten, wide: Rewritten
) -> None:
    found, expected = _score(narrow, _EXAMPLES), _score(wide, _EXAMPLES)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


def test_report_says_what_shows_that_an_integer_fits(narrow: Rewritten) -> None:
    found = {one.name: one for one in narrow.report.interface.narrowed}
    assert {name: one.evidence for name, one in found.items()} == {
        "hour": Evidence.GRAPH,
        "best": Evidence.GRAPH,
        "id": Evidence.EXAMPLES,
        "next": Evidence.EXAMPLES,
    }
    assert (found["hour"].min, found["hour"].max) == (0, 23)
    assert (found["id"].min, found["id"].max) == (0, 7 * 23)


def test_compiled_model_takes_narrow_integers_only(narrow: Rewritten, wide: Rewritten) -> None:
    assert narrow.report.interface.compiled_model_obstacles == ()
    obstacles = " ".join(wide.report.interface.compiled_model_obstacles)
    assert all(f"{name!r} is int64" in obstacles for name in ("hour", "id", "best", "next"))


def test_published_head_refuses_a_value_beyond_32_bits_by_the_features_name(
    narrow: Rewritten,
) -> None:
    examples = [*_EXAMPLES, example(hour=1, id=2**31, x=[0.0] * 4)]
    with pytest.raises(ExamplesError, match=r"at example 24: .*input id "):
        _score(narrow, examples)


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_value_beyond_32_bits_in_the_examples_is_refused_by_the_features_name(
    source: pathlib.Path, tmp_path: pathlib.Path, value: int
) -> None:
    examples = [*_EXAMPLES, example(hour=1, id=value, x=[0.0] * 4)]
    with pytest.raises(ConfigError, match=rf"input 'id': example 24 .* has {value}"):
        rewritten(source, tmp_path, _INT32, (), examples)


def test_without_examples_only_the_graph_can_show_that_integers_fit(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(ConfigError, match="'input id', 'output next'"):
        rewritten(source, tmp_path, _INT32)


def test_hash_buckets_beyond_32_bits_are_refused_whatever_the_examples_have(
    tmp_path: pathlib.Path,
) -> None:
    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        bucket = tf.strings.to_hash_bucket_fast(features["word"], 2**31 + 1)
        return {"y": tf.cast(bucket % 7, tf.float32)}

    features = {"word": tf.io.FixedLenFeature([], tf.string)}
    source = save_model(tmp_path / "source", features, compute)
    with pytest.raises(ConfigError, match="input 'word': the graph's bounds are 0 and 2147483648"):
        rewritten(source, tmp_path / "out", _INT32, (), [example(word="a"), example(word="b")])


def test_vocabulary_index_behind_the_boundary_needs_no_examples(tmp_path: pathlib.Path) -> None:
    words = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64)), 3
    )
    embedding = weights(5, 3)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"y": tf.gather(embedding, words.lookup(features["word"]))}

    features = {"word": tf.io.FixedLenFeature([], tf.string)}
    source = save_model(tmp_path / "source", features, compute, words, embedding)
    result = rewritten(source, tmp_path / "out", _INT32)
    (found,) = result.report.interface.narrowed
    assert (found.name, found.evidence, found.min, found.max) == ("word", Evidence.GRAPH, 0, 4)
    assert result.report.verification and not any(result.report.verification.outputs["y"].errors)


def test_variable_length_feature_has_narrow_values_and_lengths(tmp_path: pathlib.Path) -> None:
    def compute(features: dict[str, Any]) -> dict[str, tf.Tensor]:
        return {"sum": tf.reduce_sum(features["ids"].to_tensor(), axis=1)}

    source = save_model(tmp_path / "source", {"ids": tf.io.RaggedFeature(tf.int64)}, compute)
    examples = [example(ids=[1, 2, 3]), example(ids=[]), example(ids=[40])]
    result = rewritten(source, tmp_path / "out", _INT32, (), examples)
    assert set(_dtypes(result).values()) == {"int32"}
    np.testing.assert_array_equal(_score(result, examples)["sum"], [6, 0, 40])


def test_tensors_of_a_signature_are_narrowed(tmp_path: pathlib.Path) -> None:
    embedding = weights(9, 3)
    module = tf.Module()
    module.embedding = embedding
    source = save(
        tmp_path / "source",
        lambda ids: {"y": tf.reduce_sum(tf.gather(embedding, ids), axis=1)},
        tf.TensorSpec([None, 4], tf.int64, name="ids"),
        module=module,
    )
    result = rewritten(source, tmp_path / "out", _INT32)
    assert _dtypes(result) == {"ids": "int32", "y": "float32"}
    assert result.report.verification and not any(result.report.verification.outputs["y"].errors)


def test_model_with_a_state_is_compared_from_the_state_that_it_was_saved_with(
    tmp_path: pathlib.Path,
) -> None:
    module = tf.Module()
    module.total = tf.Variable(0, dtype=tf.int64)

    def serve(x: tf.Tensor) -> dict[str, tf.Tensor]:
        module.total.assign_add(tf.reduce_sum(x) % 10)
        return {"y": x + module.total}

    spec = tf.TensorSpec([None], tf.int64, name="x")
    source = save(tmp_path / "source", serve, spec, module=module)
    examples = [example(x=x) for x in range(9)]
    result = rewritten(source, tmp_path / "out", _INT32, (), examples)
    assert _dtypes(result) == {"x": "int32", "y": "int32"}


@pytest.mark.parametrize("mode", ["DYNAMIC_RANGE", "FLOAT16", "FULL_INTEGER"])
def test_quantized_models_have_narrow_integers(
    source: pathlib.Path, tmp_path: pathlib.Path, mode: str
) -> None:
    config = {**_INT32, "quantization": {"mode": mode, "allow_float_fallback": mode[1] == "U"}}
    calibration = _EXAMPLES if mode == "FULL_INTEGER" else ()
    result = rewritten(source, tmp_path, config, calibration, _EXAMPLES)
    assert "int64" not in _dtypes(result).values()
    np.testing.assert_array_equal(
        _score(result, _EXAMPLES)["next"], [row % 24 + 1 for row in range(24)]
    )


def test_narrow_model_compares_with_its_saved_model(
    source: pathlib.Path, narrow: Rewritten
) -> None:
    found = compare(source, narrow.path, read_config({}), _EXAMPLES)
    assert not found.failures
    assert set(found.verification.outputs) == {"scores", "best", "next"}


def test_narrow_model_compares_with_the_wide_one(narrow: Rewritten, wide: Rewritten) -> None:
    found = compare_files(wide.path, narrow.path, read_config({}))
    assert not found.failures


def test_fixed_batch_is_one_example_in_static_shapes(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = {"interface": {"batch": "FIXED", "integers": "INT32"}}
    result = rewritten(source, tmp_path, config, (), _EXAMPLES)
    assert result.report.inputs["x"].shape == (1, 4)
    assert not any("open size" in one for one in result.report.interface.gpu_obstacles)


def test_fixed_batch_keeps_a_batch_size_that_is_set(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = {"interface": {"batch": "FIXED"}, "batch_size": 3}
    result = rewritten(source, tmp_path, config, (), _EXAMPLES)
    assert result.report.inputs["x"].shape == (3, 4)


def test_fixed_batch_refuses_another_open_size_by_name(tmp_path: pathlib.Path) -> None:
    source = save(
        tmp_path / "source",
        lambda image: {"y": tf.reduce_mean(image, axis=1)},
        tf.TensorSpec([None, None], tf.float32, name="image"),
    )
    with pytest.raises(ConfigError, match="'image' has open sizes"):
        rewritten(source, tmp_path / "out", {"interface": {"batch": "FIXED"}})
