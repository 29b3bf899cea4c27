"""The README: its snippets run, its commands exist, its tables are complete."""

import importlib.metadata
import pathlib
import re
import sys
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from artifacts import write_split
from google.protobuf.descriptor import Descriptor
from small_model import save_small_model, small_examples
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx
from versions import IS_OLDEST

from tfx_tflite_component import TFLiteRewriter, TFLiteRewriterConfig, errors

_CHECKOUT = pathlib.Path(__file__).parents[1]
_README = (_CHECKOUT / "README.md").read_text()
_VERSIONS = _README.partition("\n## Versions\n")[2].partition("\n## ")[0]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)


_PIPELINE, _EVALUATOR, _EXECUTOR, _INTERPRETER = _blocks("python")
_COMMANDS = "".join(_blocks("sh")).splitlines()
_ERRORS = [
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.RewriterError)
]


def _run(snippet: str, **names: Any) -> dict[str, Any]:
    """Runs a snippet that uses some names, and returns those it has then."""
    exec(compile(snippet, "README.md", "exec"), names)
    return names


def _trainer(example_gen: tfx.types.BaseComponent) -> tfx.types.BaseComponent:
    return tfx.components.Trainer(
        examples=example_gen.outputs["examples"],
        run_fn="module.run_fn",
        train_args=tfx.proto.TrainArgs(num_steps=1),
        eval_args=tfx.proto.EvalArgs(num_steps=1),
    )


def test_pipeline_snippet_connects_trainer_and_pusher(tmp_path: pathlib.Path) -> None:
    example_gen = tfx.components.ImportExampleGen(input_base=str(tmp_path))
    trainer = _trainer(example_gen)
    destination = tfx.proto.PushDestination(
        filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(tmp_path))
    )
    names = _run(_PIPELINE, example_gen=example_gen, trainer=trainer, destination=destination)
    rewriter, pusher = names["rewriter"], names["pusher"]
    pipeline = tfx.dsl.Pipeline(
        "readme", str(tmp_path), components=[example_gen, trainer, rewriter, pusher]
    )
    assert pipeline.components == [example_gen, trainer, rewriter, pusher]
    assert rewriter.upstream_nodes == {example_gen, trainer}
    assert pusher.upstream_nodes == {rewriter}


def test_evaluator_snippet_compares_the_model_with_the_trainers(tmp_path: pathlib.Path) -> None:
    example_gen = tfx.components.ImportExampleGen(input_base=str(tmp_path))
    trainer = _trainer(example_gen)
    rewriter = TFLiteRewriter(model=trainer.outputs["model"])
    names = _run(
        _EVALUATOR,
        tfx=tfx,
        example_gen=example_gen,
        trainer=trainer,
        rewriter=rewriter,
        eval_config=config_pb2.EvalConfig(),
    )
    evaluator = names["evaluator"]
    components = [example_gen, trainer, rewriter, evaluator]
    tfx.dsl.Pipeline("readme", str(tmp_path), components=components)
    assert evaluator.upstream_nodes == {example_gen, trainer, rewriter}
    module = importlib.import_module(evaluator.exec_properties["module_path"])
    assert callable(module.custom_extractors)


@pytest.mark.slow
def test_executor_and_interpreter_snippets_convert_and_run_a_model(tmp_path: pathlib.Path) -> None:
    save_small_model(tmp_path / "trained" / "Format-Serving")
    write_split(tmp_path / "examples", "eval", small_examples())
    names = _run(
        _EXECUTOR,
        trained_model=str(tmp_path / "trained"),
        example_files=str(tmp_path / "examples"),
        output_folder=str(tmp_path / "rewritten"),
    )
    names = _run(_INTERPRETER, rewritten=names["rewritten"], serialized_examples=small_examples())
    serve = tf.saved_model.load(f"{tmp_path}/trained/Format-Serving").signatures["serving_default"]
    expected = serve(examples=tf.constant(small_examples()))["score"]
    np.testing.assert_allclose(names["outputs"]["score"], expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("command", _COMMANDS)
def test_command_is_a_target_of_the_makefile(command: str) -> None:
    program, target, *variables = command.split()
    assert program == "make"
    assert variables in ([], ["TFX=1.21"])
    assert re.search(rf"^{target}:", (_CHECKOUT / "Makefile").read_text(), re.MULTILINE)


def test_ci_runs_the_test_commands_of_the_readme() -> None:
    commands = [command for command in _COMMANDS if command.startswith("make test")]
    script = (_CHECKOUT / ".ci" / "run").read_text()
    assert commands == ["make test", "make test TFX=1.21"]
    assert re.findall(r"^ *(make test.*?) (?:>|\|\|)", script, re.MULTILINE) == commands[::-1]


def test_table_of_versions_says_what_is_installed() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", _VERSIONS, re.MULTILINE)
    said = {row[0]: row[1 if IS_OLDEST else 2] for row in rows}
    assert said["TFX"] == tfx.__version__
    assert said["TensorFlow"] == tf.__version__
    assert said["Keras"] == f"{keras.__version__} and tf_keras {tf_keras.__version__}"
    assert said["Python"] == f"3.{sys.version_info.minor}"
    lite_rt = [d.version for d in importlib.metadata.distributions(name="ai-edge-litert")]
    assert re.findall(r"LiteRT's ([\d.]+),", said["interpreter"]) == lite_rt


def test_every_field_of_the_config_is_in_the_table() -> None:
    listed = set(re.findall(r"^\| `([a-z_.]+)` \|", _README, re.MULTILINE))
    assert _fields(TFLiteRewriterConfig.DESCRIPTOR) <= listed


@pytest.mark.parametrize("error", _ERRORS)
def test_every_error_is_named(error: str) -> None:
    assert f"`{error}`" in _README


@pytest.mark.parametrize("path", re.findall(r"\]\((?!https?:)([^)]+)\)", _README))
def test_link_leads_to_a_file(path: str) -> None:
    assert (_CHECKOUT / path).exists()


def _fields(message: Descriptor, prefix: str = "") -> set[str]:
    """The fields of a message and of the messages in it, by their paths."""
    fields = set()
    for name, field in message.fields_by_name.items():
        is_message = field.message_type and not field.message_type.GetOptions().map_entry
        if is_message:
            fields |= _fields(field.message_type, f"{prefix}{name}.")
        else:
            fields.add(f"{prefix}{name}")
    return fields
