"""The examples on Kubeflow: what TFX's compiler makes of them, and what the container then runs."""

import dataclasses
import json
import os
import pathlib
import re
import runpy
import sys
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from artifacts import write_split
from forks import run_in_fork
from small_model import save_small_model, small_examples
from tfx import v1 as tfx
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.types import standard_artifacts
from tfx.utils import import_utils
from versions import OF_NO_VERSION, PREFERRED_INTERPRETER

from tfx_tflite_component import TFLiteReport, TFLiteRewriter
from tfx_tflite_component.errors import ConfigError

pytestmark = pytest.mark.slow

_IMAGE = "registry.example/tfx-tflite:1"
_CHECKOUT = pathlib.Path(__file__).parents[2]
_SCRIPT = runpy.run_path(str(_CHECKOUT / "examples" / "kubeflow.py"))
_REWRITERS = {"digits": "TFLiteDynamicRange", "taxi": "TFLiteRewriter"}


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A compiled pipeline.

    Attributes:
        root: Where it keeps everything.
        job: What was compiled, for Vertex AI.
    """

    root: pathlib.Path
    job: dict[str, Any]

    @property
    def tasks(self) -> dict[str, Any]:
        return self.job["pipelineSpec"]["root"]["dag"]["tasks"]

    def component(self, name: str) -> dict[str, Any]:
        return self.job["pipelineSpec"]["components"][name]

    def container(self, name: str) -> dict[str, Any]:
        label = self.component(name)["executorLabel"]
        return self.job["pipelineSpec"]["deploymentSpec"]["executors"][label]["container"]


def _compile(pipeline: tfx.dsl.Pipeline, root: pathlib.Path) -> Compiled:
    output = root / "pipeline.json"
    _SCRIPT["compile_pipeline"](pipeline, _IMAGE, str(output))
    return Compiled(root, json.loads(output.read_text()))


def _compile_example(example: str, root: pathlib.Path) -> Compiled:
    """Does what the command that the docs name does."""
    arguments = ["--image", _IMAGE, "--data", "gs://bucket/data/*", "--root", str(root)]
    output = root / "pipeline.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["kubeflow.py", example, *arguments, "--output", str(output)])
        assert _SCRIPT["main"]() == 0
    return Compiled(root, json.loads(output.read_text()))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compiled]:
    return {name: _compile_example(name, tmp_path_factory.mktemp(name)) for name in _REWRITERS}


def _artifacts(definitions: dict[str, Any], folder: pathlib.Path) -> dict[str, Any]:
    """The artifacts that a component is started with, all below a folder."""
    return {
        key: {
            "artifacts": [
                {"name": f"artifacts/{key}", "uri": f"{folder}/{key}", "type": spec["artifactType"]}
            ]
        }
        for key, spec in definitions["artifacts"].items()
    }


def _command(
    compiled: Compiled, name: str, folder: pathlib.Path, config: str | None = None
) -> list[str]:
    """The command line of a rewriter's container, with what Kubeflow's launcher fills in.

    Args:
        compiled: The pipeline.
        name: The rewriter.
        folder: Holds the inputs and takes the outputs.
        config: The value of a runtime parameter; without it, that of the compiled pipeline.
    """
    component = compiled.component(name)
    parameter = compiled.tasks[name]["inputs"]["parameters"]["config"]
    inputs = _artifacts(component["inputDefinitions"], folder / "in")
    inputs["examples"]["artifacts"][0]["metadata"] = {"split_names": '["train", "eval"]'}
    invocation = {
        "inputs": {
            "artifacts": inputs,
            "parameterValues": {"config": config or parameter["runtimeValue"]["constant"]},
        },
        "outputs": {
            "artifacts": _artifacts(component["outputDefinitions"], folder / "out"),
            "outputFile": str(folder / "executor_output.json"),
        },
    }
    container = compiled.container(name)
    arguments = [
        json.dumps(invocation) if argument == "{{$}}" else argument
        for argument in container["args"]
    ]
    return [*container["command"], *arguments]


@pytest.fixture(scope="module")
def launched(
    examples: dict[str, Compiled], tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The folder of a rewriter's step that has run as its container would run it."""
    folder = tmp_path_factory.mktemp("launched")
    save_small_model(folder / "in" / "model" / "Format-Serving")
    write_split(folder / "in" / "examples", "train", small_examples())
    write_split(folder / "in" / "examples", "eval", small_examples())
    python, option, module, *arguments = _command(examples["digits"], _REWRITERS["digits"], folder)
    assert (python, option) == ("python", "-m")

    def launch() -> None:
        os.chdir(folder)
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)

    output = folder / "output.txt"
    assert run_in_fork(launch, output, not_imported=[module]) == 0, output.read_text()
    return folder


@pytest.mark.parametrize(("example", "name"), _REWRITERS.items())
def test_step_starts_tfx_in_the_image(
    examples: dict[str, Compiled], example: str, name: str
) -> None:
    container = examples[example].container(name)
    assert container["image"] == _IMAGE
    assert container["command"][:2] == ["python", "-m"]
    assert container["args"][:2] == [
        "--executor_class_path",
        "tfx_tflite_component.components.rewriter.executor.Executor",
    ]
    assert set(examples[example].tasks[name]["dependentTasks"]) >= {"Trainer"}


@pytest.mark.parametrize("example", _REWRITERS)
def test_no_path_of_the_machine_that_compiled_is_left(
    examples: dict[str, Compiled], example: str
) -> None:
    compiled = examples[example]
    text = json.dumps(compiled.job).replace(str(compiled.root), "gs://bucket")
    assert re.findall(r"[^:/\w.](/[a-z][^\"\\]*)", text) == []
    assert "sqlite" not in text


@pytest.mark.parametrize("example", _REWRITERS)
def test_module_files_are_packaged_below_the_root(
    examples: dict[str, Compiled], example: str
) -> None:
    compiled = examples[example]
    for name in ("Transform", "Trainer"):
        parameters = compiled.tasks[name]["inputs"]["parameters"]
        _, wheel = parameters["module_path"]["runtimeValue"]["constant"].split("@")
        assert wheel.startswith(f"{compiled.root}/pipeline/_wheels/")
        assert pathlib.Path(wheel).is_file()


@pytest.mark.parametrize("example", _REWRITERS)
def test_remote_uris_are_unchanged(example: str) -> None:
    pipeline = _SCRIPT["load_pipeline"](example, "gs://data/in/*", "gs://bucket/root")
    components = {component.id: component for component in pipeline.components}
    assert pipeline.pipeline_info.pipeline_root == "gs://bucket/root/pipeline"
    destination = json.loads(components["Pusher"].exec_properties["push_destination"])
    assert destination["filesystem"]["base_directory"] == "gs://bucket/root/serving"


def test_task_names_are_valid_for_argo(examples: dict[str, Compiled]) -> None:
    assert [
        name
        for name in examples["digits"].tasks
        if not re.fullmatch("[a-zA-Z0-9][-a-zA-Z0-9]*", name)
    ] == []


def test_report_type_can_be_imported_in_the_container(examples: dict[str, Compiled]) -> None:
    outputs = examples["taxi"].component("TFLiteRewriter")["outputDefinitions"]["artifacts"]
    schema = outputs["report"]["artifactType"]["instanceSchema"]
    (title,) = re.findall("^title: (.*)$", schema, re.MULTILINE)
    assert import_utils.import_class_by_path(title) is TFLiteReport


@OF_NO_VERSION
def test_launched_step_publishes_a_model_that_computes_the_same(launched: pathlib.Path) -> None:
    head = tf.saved_model.load(f"{launched}/out/model/head").signatures["serving_default"]
    inputs = head(examples=tf.constant(small_examples()))
    interpreter = PREFERRED_INTERPRETER(f"{launched}/out/model/Format-Serving/tflite")
    outputs = interpreter.get_signature_runner()(
        **{name: tensor.numpy() for name, tensor in inputs.items()}
    )
    trained = tf.saved_model.load(f"{launched}/in/model/Format-Serving")
    expected = trained.signatures["serving_default"](tf.constant(small_examples()))
    np.testing.assert_allclose(outputs["score"], expected["score"], rtol=0.05, atol=0.05)


@OF_NO_VERSION
def test_launched_step_reports_model_properties_to_kubeflow(launched: pathlib.Path) -> None:
    output = json.loads((launched / "executor_output.json").read_text())
    (model,) = output["artifacts"]["model"]["artifacts"]
    size = (launched / "out" / "model" / "Format-Serving" / "tflite").stat().st_size
    assert model["uri"] == f"{launched}/out/model"
    assert (
        model["metadata"].items()
        >= {
            "boundary": "RAW_FEATURES",
            "quantization": "DYNAMIC_RANGE",
            "op_set": "BUILTIN",
            "size_bytes": size,
            "source_model_uri": f"{launched}/in/model/Format-Serving",
        }.items()
    )


@OF_NO_VERSION
def test_launched_step_fills_the_report(launched: pathlib.Path) -> None:
    output = json.loads((launched / "executor_output.json").read_text())
    (report,) = output["artifacts"]["report"]["artifacts"]
    written = json.loads(pathlib.Path(report["uri"], "report.json").read_text())
    assert written["boundary"] == "RAW_FEATURES"


@pytest.fixture(scope="module")
def parameterized(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """A pipeline of a rewriter alone, whose config is a runtime parameter."""
    importer = tfx.dsl.Importer("gs://bucket/model", artifact_type=standard_artifacts.Model)
    example_gen = tfx.components.ImportExampleGen(input_base="gs://bucket/data")
    rewriter = TFLiteRewriter(
        model=importer.outputs["result"],
        examples=example_gen.outputs["examples"],
        config=RuntimeParameter(name="tflite-config", ptype=str),
    )
    root = tmp_path_factory.mktemp("parameterized")
    pipeline = tfx.dsl.Pipeline(
        "parameterized", str(root), components=[importer, example_gen, rewriter]
    )
    return _compile(pipeline, root)


def test_runtime_parameter_is_an_input_of_the_pipeline(parameterized: Compiled) -> None:
    root = parameterized.job["pipelineSpec"]["root"]
    assert root["inputDefinitions"]["parameters"] == {"tflite-config": {"parameterType": "STRING"}}
    parameters = parameterized.tasks["TFLiteRewriter"]["inputs"]["parameters"]
    assert parameters == {"config": {"componentInputParameter": "tflite-config"}}


def test_wrong_runtime_parameter_ends_the_step_with_a_typed_error(
    parameterized: Compiled, tmp_path: pathlib.Path
) -> None:
    config = json.dumps({"quantisation": {"mode": "NONE"}})
    _, _, module, *arguments = _command(parameterized, "TFLiteRewriter", tmp_path, config)
    assert module == kubeflow_v2_run_executor.__name__
    with pytest.raises(ConfigError, match="quantisation"):
        kubeflow_v2_run_executor.main(kubeflow_v2_run_executor._parse_flags(["run", *arguments]))
    assert list(tmp_path.iterdir()) == []
