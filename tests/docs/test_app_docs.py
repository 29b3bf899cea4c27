"""docs/app.md: its configs write what it says."""

import pathlib

import pytest
from pages import PAGES, snippets
from small_model import save_small_model
from workers import WorkerInProcess

from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model

(_C_ARRAY,) = snippets("docs/app.md", "textproto")


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)


def test_c_array_has_the_files_and_names_of_the_page(tmp_path: pathlib.Path) -> None:
    save_small_model(tmp_path / "model")
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "out", _C_ARRAY)
    assert report["app_files"] == ["model.cc", "model.h", "model_ops.h"]
    text = "".join((tmp_path / "out" / name).read_text() for name in report["app_files"])
    for name in ("g_model_data", "g_model_size", "ModelOpResolver", "RegisterModelOps"):
        assert name in text
        assert name in PAGES["docs/app.md"]
