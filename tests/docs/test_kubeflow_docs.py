"""The snippets of docs/kubeflow.md run, up to where they would need a cloud; and the Dockerfile."""

import json
import pathlib
import re
from typing import Any
from unittest import mock

import pytest
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
    WorkerOptions,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from tfx import v1 as tfx
from tfx.types import standard_artifacts

from tfx_tflite_component import TFLiteRewriter

_TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "kubeflow.md").read_text()
_COMPILE, _DATAFLOW, _FLINK, _VERTEX = re.findall(
    r"^```python\n(.*?)^```$", _TEXT, re.MULTILINE | re.DOTALL
)
_IMAGE = "registry.example/tfx-tflite:1"
_NAMES = {
    "image": _IMAGE,
    "project": "a-project",
    "region": "europe-west4",
    "bucket": "a-bucket",
    "job_server": "flink:8099",
}


def _run(snippet: str, names: dict[str, Any]) -> None:
    """Runs a snippet that uses some names."""
    exec(compile(snippet, "kubeflow.md", "exec"), _NAMES | names)


def _containers(settings: str, folder: pathlib.Path) -> dict[str, Any]:
    """The containers of a pipeline that was compiled after a snippet had set something."""
    model = tfx.dsl.Importer("gs://bucket/model", artifact_type=standard_artifacts.Model)
    examples = tfx.dsl.Importer(
        "gs://bucket/examples", artifact_type=standard_artifacts.Examples
    ).with_id("Data")
    rewriter = TFLiteRewriter(model=model.outputs["result"])
    evaluator = tfx.components.Evaluator(
        model=rewriter.outputs["model"], examples=examples.outputs["result"]
    )
    _run(settings, {"rewriter": rewriter, "evaluator": evaluator})
    pipeline = tfx.dsl.Pipeline(
        "docs",
        "gs://bucket/run",
        components=[model, examples, rewriter, evaluator],
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _run(_COMPILE, {"pipeline": pipeline})
    job = json.loads((folder / "pipeline.json").read_text())
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    return {
        label.removesuffix("_executor"): executor["container"]
        for label, executor in executors.items()
        if "container" in executor
    }


def test_dataflow_snippet_sets_resources_and_workers(tmp_path: pathlib.Path) -> None:
    containers = _containers(_DATAFLOW, tmp_path)
    assert containers["TFLiteRewriter"]["image"] == _IMAGE
    assert containers["TFLiteRewriter"]["resources"] == {"cpuLimit": 2.0, "memoryLimit": 6.0}
    options = PipelineOptions(containers["Evaluator"]["args"])
    assert options.view_as(StandardOptions).runner == "DataflowRunner"
    assert options.view_as(GoogleCloudOptions).temp_location == "gs://a-bucket/tmp"
    assert options.view_as(WorkerOptions).sdk_container_image == _IMAGE
    assert options.view_as(WorkerOptions).disk_size_gb == 50


def test_flink_snippet_sets_an_external_environment(tmp_path: pathlib.Path) -> None:
    options = PipelineOptions(_containers(_FLINK, tmp_path)["Evaluator"]["args"])
    assert options.view_as(StandardOptions).runner == "PortableRunner"
    assert options.view_as(PortableOptions).job_endpoint == "flink:8099"
    assert options.view_as(PortableOptions).environment_type == "EXTERNAL"
    assert options.view_as(PortableOptions).environment_config == "localhost:50000"


def test_vertex_snippet_submits_the_compiled_pipeline(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _containers("", tmp_path)
    monkeypatch.chdir(tmp_path)
    # what a machine with an account finds by itself
    aiplatform.init(credentials=AnonymousCredentials())
    with mock.patch.object(aiplatform.PipelineJob, "submit", autospec=True) as submit:
        _run(_VERTEX, {})
    ((job,), _) = submit.call_args
    assert job._gca_resource.runtime_config.gcs_output_directory == "gs://bucket/run"
    assert set(job.pipeline_spec["root"]["dag"]["tasks"]) >= {"TFLiteRewriter", "Evaluator"}
