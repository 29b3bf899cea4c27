"""docs/recipes.md: its configs do to real models what it says, and its components connect."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from declared import declare
from models import EXAMPLES, Tensors, example, save, save_parsing
from pages import run, snippets
from quantizable import images, rewritten, save_classifier
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx
from transformed import save_trained
from two_signatures import save_shared
from versions import OF_NO_VERSION, RUNS_SELECT_TF_OPS

from tfx_tflite_component import TFLiteRewriter
from tfx_tflite_component.config import given_config
from tfx_tflite_component.tflite.inspection import OpSet, inspect_signatures

pytestmark = OF_NO_VERSION

_INT8, _FALLBACK, _SIGNATURES, _SELECT_TF, _CUSTOM, _RECURRENT, _LIBRARIES, *_REST = snippets(
    "docs/recipes.md", "textproto"
)
_INTERFACE, _FILENAME = _REST
_BASELINE, _SEVERAL = snippets("docs/recipes.md", "python")

_COUNTED = {"x": tf.io.FixedLenFeature([3], tf.float32), "n": tf.io.FixedLenFeature([], tf.int64)}
_WORDS = {"word": tf.io.FixedLenFeature([], tf.string), "x": tf.io.VarLenFeature(tf.float32)}


@pytest.fixture
def counting(tmp_path: pathlib.Path) -> pathlib.Path:
    """A model with a cast of an integer in its preprocessing, which stays float."""
    weights = tf.constant(np.random.default_rng(0).normal(size=[3, 2]).astype(np.float32))
    return save_trained(
        tmp_path / "model",
        lambda features: {
            "x_xf": features["x"] + tf.cast(features["n"], tf.float32)[:, tf.newaxis]
        },
        lambda transformed, parsed: {"y": transformed["x_xf"] @ weights},
        _COUNTED,
    )


def _counted() -> list[bytes]:
    random = np.random.default_rng(0)
    return [example(x=random.normal(size=3).tolist(), n=[index % 3]) for index in range(30)]


@pytest.fixture
def hashing(tmp_path: pathlib.Path) -> pathlib.Path:
    """A model with an op that Select TF has, and one that it lacks."""

    def compute(parsed: Tensors) -> Tensors:
        return {
            "hash": tf.strings.to_hash_bucket_fast(parsed["word"], 50),
            "doubled": tf.sparse.to_dense(parsed["x"] * 2.0),
        }

    return save_parsing(tmp_path / "model", _WORDS, compute)


def test_int8(tmp_path: pathlib.Path) -> None:
    source = save_classifier(tmp_path / "model")
    result = rewritten(source, tmp_path / "out", _INT8, images(50), images(50, seed=1))
    tensors = (result.report.inputs["image"], result.report.outputs["probabilities"])
    assert [tensor.dtype for tensor in tensors] == ["int8", "int8"]
    assert result.float_ops == []


def test_integer_model_leaves_float_preprocessing_to_the_head(
    counting: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = {"quantization": {"mode": "FULL_INTEGER"}}
    result = rewritten(counting, tmp_path / "out", config, _counted(), _counted())
    assert result.report.boundary == "TRANSFORMED_FEATURES"
    assert "'CAST' of the preprocessing" in result.report.boundary_reason
    assert result.float_ops == []


def test_float_fallback_keeps_the_raw_features(
    counting: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    result = rewritten(counting, tmp_path / "out", _FALLBACK, _counted(), _counted())
    assert set(result.report.inputs) == {"x", "n"}
    assert "CAST" in result.float_ops
    assert "FULLY_CONNECTED" not in result.float_ops


def test_several_signatures_in_one_file(tmp_path: pathlib.Path) -> None:
    result = rewritten(save_shared(tmp_path / "model"), tmp_path / "out", _SIGNATURES)
    assert [*inspect_signatures(result.path)] == ["serving_default", "embed"]


def test_select_tf_ops(tmp_path: pathlib.Path) -> None:
    source = save_trained(
        tmp_path / "model",
        lambda features: {"text_xf": tf.strings.to_hash_bucket_fast(features["text"], 50)},
        lambda transformed, parsed: {"y": transformed["text_xf"] * 2},
    )
    report = rewritten(source, tmp_path / "out", _SELECT_TF).report
    assert (report.boundary, report.model.op_set) == ("RAW_FEATURES", OpSet.SELECT_TF)
    assert report.lowered == {}
    assert bool(report.verification) == RUNS_SELECT_TF_OPS


def test_custom_ops_are_those_that_select_tf_lacks(
    hashing: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    report = rewritten(hashing, tmp_path / "out", _CUSTOM).report
    kinds = {op.name: op.kind for op in report.model.ops}
    assert kinds["SparseDenseCwiseMul"] == OpSet.CUSTOM
    assert kinds["StringToHashBucketFast"] == OpSet.SELECT_TF
    assert (report.model.op_set, report.verification, report.latency) == (OpSet.CUSTOM, None, None)
    assert "not verified" in report.warnings[0]


def test_only_allow_custom_ops_turns_select_tf_ops_into_custom_ops(
    hashing: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = {"ops": {"allow_custom_ops": True}}
    report = rewritten(hashing, tmp_path / "out", config).report
    kinds = {op.name: op.kind for op in report.model.ops}
    assert kinds["StringToHashBucketFast"] == OpSet.CUSTOM


def test_recurrent_layer_needs_only_builtin_ops(tmp_path: pathlib.Path) -> None:
    model = keras.Sequential([keras.Input([5, 3]), keras.layers.GRU(4)])
    module = tf.Module()
    module.weights = model.weights
    features = {"x": tf.io.FixedLenFeature([5, 3], tf.float32)}

    def serve(examples: tf.Tensor) -> Tensors:
        return {"y": model(tf.io.parse_example(examples, features)["x"])}

    source = save(tmp_path / "model", serve, EXAMPLES, module=module)
    report = rewritten(source, tmp_path / "out", _RECURRENT).report
    assert report.model.op_set == OpSet.BUILTIN
    assert report.inputs["x"].shape == (1, 5, 3)


def test_library_is_named_in_the_config() -> None:
    assert list(given_config(_LIBRARIES).import_modules) == ["tensorflow_text"]


def test_interface_has_32_bits_and_static_shapes(
    counting: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    report = rewritten(counting, tmp_path / "out", _INTERFACE, (), _counted()).report
    assert (report.inputs["n"].dtype, report.inputs["n"].shape) == ("int32", (1,))
    assert report.interface.compiled_model_obstacles == ()


def test_extra_file_is_the_model(tmp_path: pathlib.Path) -> None:
    source = save_classifier(tmp_path / "model")
    path = rewritten(source, tmp_path / "out", _FILENAME).path
    assert path.with_name("model.tflite").read_bytes() == path.read_bytes()


def test_baseline_is_the_float_model(tmp_path: pathlib.Path) -> None:
    example_gen, trainer, _ = declare(tmp_path)
    names = run(
        _BASELINE,
        tfx=tfx,
        TFLiteRewriter=TFLiteRewriter,
        trainer=trainer,
        examples=example_gen.outputs["examples"],
        eval_config=config_pb2.EvalConfig(),
    )
    components = [example_gen, trainer, names["plain"], names["integer"], names["evaluator"]]
    tfx.dsl.Pipeline("baseline", str(tmp_path), components=components)
    assert names["evaluator"].upstream_nodes == {example_gen, names["plain"], names["integer"]}


def test_several_models_are_pushed_to_folders_of_their_own(tmp_path: pathlib.Path) -> None:
    example_gen, trainer, _ = declare(tmp_path)
    names = run(
        _SEVERAL,
        tfx=tfx,
        TFLiteRewriter=TFLiteRewriter,
        trainer=trainer,
        examples=example_gen.outputs["examples"],
        serving=str(tmp_path),
    )
    rewriters, pushers = list(names["rewriters"].values()), names["pushers"]
    tfx.dsl.Pipeline(
        "several", str(tmp_path), components=[example_gen, trainer, *rewriters, *pushers]
    )
    assert [pusher.upstream_nodes for pusher in pushers] == [{one} for one in rewriters]
    destinations = {pusher.exec_properties["push_destination"] for pusher in pushers}
    assert len(destinations) == 2
