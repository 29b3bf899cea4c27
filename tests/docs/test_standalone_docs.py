"""What the pages say of rewriting without the component: in Python, in a Trainer, in a shell."""

import json
import pathlib
import shlex
import shutil

import keras
import pytest
import tensorflow as tf
from artifacts import examples_artifact, model_artifact, write_split
from declared import declare
from pages import PAGES, run, snippets
from quantizable import images, save_classifier
from small_model import save_small_model, small_examples
from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import standard_artifacts
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component import TFLiteRewriter
from tfx_tflite_component.config import read_config
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.cli import main
from tfx_tflite_component.standalone.cli.terminal import PROGRAM
from tfx_tflite_component.worker import process

pytestmark = OF_NO_VERSION

_SAVED_MODEL, _KERAS_MODEL, _FUNCTION = snippets("docs/python.md", "python")
_OLD, _NEW, _BOTH, _EXAMPLES, _COMPONENT = snippets("docs/trainer.md", "python")
_COMMANDS = [
    line
    for line in "".join(snippets("docs/command-line.md", "sh")).splitlines()
    if not line.startswith("eval ")
]
(_LIMITS,) = snippets("docs/command-line.md", "textproto")
_INT8, *_ = snippets("docs/recipes.md", "textproto")
# of 60 examples, in the proportion of the defaults, 500 to calibrate with and 200 to compare on
_CALIBRATED = 43
_WRITTEN = {"tflite", "head", "report.json", "report.html"}


@pytest.fixture(autouse=True)
def _worker_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rewrite, process):
        monkeypatch.setattr(module, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with all that the pages name, and a first conversion."""
    folder = tmp_path_factory.mktemp("project")
    save_classifier(folder / "SAVED_MODEL_DIR")
    for split, seed in [("train", 0), ("eval", 1)]:
        _write(folder / "data" / f"{split}-0.tfrecord.gz", images(60, seed))
    size = keras.Input([4], name="size")
    keras.Model(size, keras.layers.Dense(2)(size)).save(folder / "model.keras")
    (folder / "int8.textproto").write_text(_INT8)
    (folder / "limits.textproto").write_text(_LIMITS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewrite, "Worker", WorkerInProcess)
        rewrite.rewrite_saved_model(folder / "SAVED_MODEL_DIR", folder / "OUTPUT_DIR")
    return folder


def _write(path: pathlib.Path, records: list[bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in records:
            writer.write(record)


def test_page_has_every_command_and_option() -> None:
    page = PAGES["docs/command-line.md"]
    commands = main._commands.commands
    options = {
        name
        for command in commands.values()
        for parameter in command.params
        for name in parameter.opts
        if name.startswith("-")
    }
    wanted = [*(f"tfx-tflite {name}" for name in commands), *sorted(options)]
    assert [text for text in wanted if text not in page] == []


@pytest.mark.parametrize("arguments", [["-h"], ["convert", "-h"]])
def test_help_has_a_short_form(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(arguments) == 0
    assert "Usage: tfx-tflite" in capsys.readouterr().out


def _names(folder: pathlib.Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("command", _COMMANDS)
def test_command_succeeds(
    command: str,
    project: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program, *arguments = shlex.split(command)
    # each command writes another model to the same place
    monkeypatch.chdir(shutil.copytree(project, tmp_path / "project"))
    assert program == PROGRAM
    assert main.main(arguments) == 0
    assert capsys.readouterr().out


def test_inspection_is_the_model_of_the_report(
    project: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "OUTPUT_DIR"
    assert main.main(["inspect", str(path / "tflite"), "--json"]) == 0
    report = json.loads((path / "report.json").read_text())
    assert json.loads(capsys.readouterr().out)["model"] == report["model"]


def test_model_of_another_saved_model_is_exit_code_1(
    project: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    save_small_model(tmp_path / "other")
    _write(tmp_path / "examples.gz", small_examples())
    arguments = ["--examples", str(tmp_path / "examples.gz")]
    model = str(project / "OUTPUT_DIR" / "tflite")
    assert main.main(["compare", str(tmp_path / "other"), model, *arguments]) == 1


def test_missing_saved_model_is_exit_code_2(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main.main(["convert", str(tmp_path / "missing"), str(output)]) == 2
    assert "There is no SavedModel in " in capsys.readouterr().err.splitlines()[-1]
    assert not output.exists()


def test_saved_model_is_rewritten(
    project: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    output = tmp_path / "out"
    names = run(_SAVED_MODEL, saved_model_dir="SAVED_MODEL_DIR", output_dir=str(output))
    assert _names(output) == _WRITTEN
    assert names["report"]["config"]["quantization"]["mode"] == "FULL_INTEGER"
    assert names["report"]["calibration"]["num_examples"] == _CALIBRATED


@pytest.mark.parametrize("snippet", [_KERAS_MODEL, _FUNCTION], ids=["Keras model", "function"])
def test_model_in_memory_is_rewritten(snippet: str, tmp_path: pathlib.Path) -> None:
    output = tmp_path / "out"
    run(snippet, output_dir=str(output))
    assert _names(output) == _WRITTEN


def test_old_code_of_the_guide_does_not_run() -> None:
    with pytest.raises(ImportError, match="converters"):
        run(_OLD)


@pytest.fixture
def fn_args(tmp_path: pathlib.Path) -> FnArgs:
    """What a Trainer that is given raw examples hands to `run_fn`."""
    write_split(tmp_path, "train", images(60))
    return FnArgs(
        serving_model_dir=str(tmp_path / "model" / "Format-Serving"),
        train_files=[f"{tmp_path}/Split-train/*"],
    )


def test_new_code_runs_in_a_trainer(project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for name in ("train", "eval"):
        write_split(tmp_path / "examples", name, images(10))
    (tmp_path / "module.py").write_text(f"""{_NEW}
def build_and_train(fn_args):
    model = tf.saved_model.load("{project}/SAVED_MODEL_DIR")
    return model, model.signatures
""")
    model_run = standard_artifacts.ModelRun()
    model_run.uri = str(tmp_path / "run")
    GenericExecutor().Do(
        {"examples": [examples_artifact(tmp_path / "examples")]},
        {"model": [model_artifact(tmp_path / "model")], "model_run": [model_run]},
        {"module_file": str(tmp_path / "module.py"), "train_args": "{}", "eval_args": "{}"},
    )
    assert _names(tmp_path / "model" / "Format-Serving") == _WRITTEN


def test_run_fn_exports_both(fn_args: FnArgs, project: pathlib.Path) -> None:
    temporary_dir = str(project / "SAVED_MODEL_DIR")
    run(
        _BOTH,
        rewrite_saved_model=rewrite.rewrite_saved_model,
        temporary_dir=temporary_dir,
        fn_args=fn_args,
    )
    assert tf.saved_model.load(fn_args.serving_model_dir).signatures["serving_default"]
    assert pathlib.Path(fn_args.serving_model_dir, "tflite").exists()


def test_run_fn_calibrates_with_raw_examples(fn_args: FnArgs, project: pathlib.Path) -> None:
    run(
        _EXAMPLES,
        rewrite_saved_model=rewrite.rewrite_saved_model,
        temporary_dir=str(project / "SAVED_MODEL_DIR"),
        fn_args=fn_args,
    )
    report = json.loads(pathlib.Path(fn_args.serving_model_dir, "report.json").read_text())
    assert report["calibration"]["num_examples"] == _CALIBRATED


def test_component_of_the_trainer_page_calibrates(tmp_path: pathlib.Path) -> None:
    example_gen, trainer, _ = declare(tmp_path)
    names = run(_COMPONENT, TFLiteRewriter=TFLiteRewriter, trainer=trainer, example_gen=example_gen)
    config = read_config(names["rewriter"].exec_properties["config"])
    assert config.quantization.mode == Quantization.FULL_INTEGER
