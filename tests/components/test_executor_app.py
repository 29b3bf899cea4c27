"""Where the executor puts the files for the programmers of an app."""

import json
import pathlib
from typing import Any

import pytest
import workers
from artifacts import model_artifact
from small_model import save_small_model

from tfx_tflite_component import TFLiteReport
from tfx_tflite_component.components.rewriter.executor import Executor

_FILES = {"model.cc", "model.h", "model_ops.h"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of a Model artifact as a Trainer fills it."""
    folder = tmp_path_factory.mktemp("trainer") / "model"
    save_small_model(folder / "Format-Serving")
    return folder


def _do(source: pathlib.Path, folder: pathlib.Path, app: dict[str, Any]) -> None:
    report = TFLiteReport()
    report.uri = str(folder / "report")
    with workers.in_process():
        Executor().Do(
            {"model": [model_artifact(source)]},
            {"model": [model_artifact(folder / "model")], "report": [report]},
            {"config": json.dumps({"app": app})},
        )


def _names(folder: pathlib.Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_files_are_beside_the_report(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _do(source, tmp_path, {"c_array": True})
    assert _names(tmp_path / "report") == {"report.json", "report.html", *_FILES}
    assert _names(tmp_path / "model") == {"Format-Serving", "head"}
    assert _names(tmp_path / "model" / "Format-Serving") == {"tflite", "assets"}


def test_files_are_pushed_on_request(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _do(source, tmp_path, {"c_array": True, "push": True})
    assert _names(tmp_path / "report") == {"report.json", "report.html", *_FILES}
    assert _names(tmp_path / "model" / "Format-Serving") == {"tflite", "assets", *_FILES}
