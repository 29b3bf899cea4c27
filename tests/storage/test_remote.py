"""Artifacts on a file system that is not POSIX: TensorFlow's, in memory, without renaming."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf
from artifacts import examples_artifact, model_artifact, write_split
from small_model import save_small_model, small_examples
from tfx.dsl.io import fileio
from tfx.utils import io_utils
from workers import WorkerInProcess

from tfx_tflite_component import rewrite_saved_model
from tfx_tflite_component.components.artifacts import TFLiteReport
from tfx_tflite_component.components.rewriter import executor
from tfx_tflite_component.components.rewriter.executor import Executor
from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.standalone import rewrite

_ROOT = "ram://remote"


@pytest.fixture(autouse=True)
def _worker_in_process(monkeypatch) -> None:
    for module in (executor, rewrite):
        monkeypatch.setattr(module, "Worker", WorkerInProcess)


@pytest.fixture
def trained(tmp_path) -> Iterator[str]:
    save_small_model(tmp_path / "trainer" / "Format-Serving")
    io_utils.copy_dir(str(tmp_path / "trainer"), f"{_ROOT}/trainer")
    write_split(f"{_ROOT}/examples", "eval", small_examples())
    yield f"{_ROOT}/trainer"
    fileio.rmtree(_ROOT)


def _read(uri: str) -> str:
    with fileio.open(uri) as file:
        return file.read()


def test_component_publishes_its_report_and_a_model_that_scores(trained):
    report = TFLiteReport()
    report.uri = f"{_ROOT}/report"
    inputs = {
        "model": [model_artifact(trained)],
        "examples": [examples_artifact(f"{_ROOT}/examples", splits=["eval"])],
    }
    outputs = {"model": [model_artifact(f"{_ROOT}/model")], "report": [report]}
    Executor().Do(inputs, outputs, {})
    assert json.loads(_read(f"{report.uri}/report.json"))["boundary"] == "RAW_FEATURES"
    assert "<html" in _read(f"{report.uri}/report.html")
    scored = Scorer(f"{_ROOT}/model/Format-Serving").score(small_examples())["score"]
    trained_model = tf.saved_model.load(f"{trained}/Format-Serving")
    expected = trained_model.signatures["serving_default"](tf.constant(small_examples()))["score"]
    np.testing.assert_allclose(scored, expected.numpy(), rtol=1e-5)


def test_saved_model_is_rewritten_from_there_to_there(trained):
    destination = f"{_ROOT}/converted"
    for _ in range(2):  # the second replaces the first
        report = rewrite_saved_model(
            f"{trained}/Format-Serving", destination, examples=f"{_ROOT}/examples/Split-eval/*.gz"
        )
    entries = {name.rstrip("/") for name in fileio.listdir(destination)}
    assert entries == {"assets", "head", "report.html", "report.json", "tflite"}
    assert json.loads(_read(f"{destination}/report.json")) == report
    assert report["verification"]["num_examples"] == len(small_examples())
