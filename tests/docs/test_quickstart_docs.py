"""The quickstart, and the short pages around it: their snippets run."""

import importlib
import importlib.metadata
import pathlib
import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import workers
from artifacts import write_split
from declared import declare
from pages import CHECKOUT, PAGES, run, snippets
from pipelines import PipelineRun
from small_model import save_small_model, small_examples
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx
from tfx.types import standard_artifacts
from versions import IS_OLDEST, OF_NO_VERSION

from tfx_tflite_component.config import read_config
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import split

_ADD, _EVALUATE, _PUSH = snippets("docs/quickstart.md", "python")
(_TRANSFORM_GRAPH,) = snippets("docs/boundaries.md", "python")
(_FORMS,) = snippets("docs/config.md", "python")
_EXECUTOR, _INTERPRETER = snippets("docs/testing.md", "python")


def test_quickstart_compares_and_pushes_the_model(tmp_path: pathlib.Path) -> None:
    example_gen, trainer, destination = declare(tmp_path)
    names = run(
        _ADD + _EVALUATE + _PUSH,
        example_gen=example_gen,
        trainer=trainer,
        destination=destination,
        eval_config=config_pb2.EvalConfig(),
    )
    rewriter, evaluator, pusher = (names[name] for name in ("rewriter", "evaluator", "pusher"))
    components = [example_gen, trainer, rewriter, evaluator, pusher]
    tfx.dsl.Pipeline("quickstart", str(tmp_path), components=components)
    assert evaluator.upstream_nodes == {example_gen, trainer, rewriter}
    assert pusher.upstream_nodes == {rewriter, evaluator}
    module = importlib.import_module(evaluator.exec_properties["module_path"])
    assert callable(module.custom_extractors)


def test_boundaries_connects_the_transform_graph(tmp_path: pathlib.Path) -> None:
    example_gen, trainer, _ = declare(tmp_path)
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=tfx.dsl.Channel(type=standard_artifacts.Schema),
        preprocessing_fn="module.preprocessing_fn",
    )
    names = run(
        "from tfx_tflite_component import TFLiteRewriter\n" + _TRANSFORM_GRAPH,
        example_gen=example_gen,
        trainer=trainer,
        transform=transform,
    )
    channel = names["rewriter"].inputs["transform_graph"]
    assert channel is transform.outputs["transform_graph"]


def test_forms_of_a_config_are_the_same() -> None:
    names = run(_FORMS)
    forms = [names[name] for name in ("message", "mapping", "json_form", "text_form")]
    config = read_config(names["message"])
    assert config.batch_size == 1
    assert [read_config(form) for form in forms] == [config] * 4


@OF_NO_VERSION
def test_executor_and_interpreter_convert_and_run_a_model(tmp_path: pathlib.Path) -> None:
    save_small_model(tmp_path / "trained" / "Format-Serving")
    write_split(tmp_path / "examples", "eval", small_examples())
    with workers.in_process():
        names = run(
            _EXECUTOR,
            trained_model=str(tmp_path / "trained"),
            example_files=str(tmp_path / "examples"),
            output_folder=str(tmp_path / "rewritten"),
        )
    names = run(_INTERPRETER, rewritten=names["rewritten"], serialized_examples=small_examples())
    serve = tf.saved_model.load(f"{tmp_path}/trained/Format-Serving").signatures["serving_default"]
    expected = serve(examples=tf.constant(small_examples()))["score"]
    np.testing.assert_allclose(names["outputs"]["score"], expected, rtol=0.05, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("boundary", ["RAW_FEATURES", "TRANSFORMED_FEATURES"])
def test_picture_names_the_inputs_of_the_penguin_model(boundary: str, penguin: PipelineRun) -> None:
    saved_model = penguin.artifact("Trainer", "model") / "Format-Serving"
    crossing = split(load_signature(saved_model, "serving_default"), Boundary(boundary)).tail.specs
    picture = (CHECKOUT / "docs" / "head-and-tail.svg").read_text()
    assert len(crossing) == 4
    assert [name for name in crossing if f">{name}</text>" not in picture] == []


def test_table_of_versions_matches_the_installation() -> None:
    page = PAGES["docs/versions.md"]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    said = {row[0]: row[1 if IS_OLDEST else 2] for row in rows}
    assert said["TFX"] == tfx.__version__
    assert said["TensorFlow"] == tf.__version__
    assert said["Keras"] == f"{keras.__version__} and tf_keras {tf_keras.__version__}"
    assert f"3.{sys.version_info.minor}" in said["Python"].split(", ")
    lite_rt = [d.version for d in importlib.metadata.distributions(name="ai-edge-litert")]
    assert re.findall(r"LiteRT's ([\d.]+),", said["interpreter"]) == lite_rt
