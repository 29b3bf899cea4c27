"""docs/app.md: its configs write what it says."""

import dataclasses
import json
import pathlib
import re
import shlex

import pytest
import tensorflow as tf
from pages import PAGES, snippets
from small_model import save_small_model, small_examples
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component.app.golden import Golden, GoldenVector
from tfx_tflite_component.standalone import golden, rewrite
from tfx_tflite_component.standalone.cli import main
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model

pytestmark = OF_NO_VERSION

_GOLDEN, _REAL, _SNIPPETS, _C_ARRAY = snippets("docs/app.md", "textproto")
(_CHECK,) = snippets("docs/app.md", "sh")


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (golden, rewrite):
        monkeypatch.setattr(module, "Worker", WorkerInProcess)


def test_c_array_has_the_files_and_names_of_the_page(tmp_path: pathlib.Path) -> None:
    save_small_model(tmp_path / "model")
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "out", _C_ARRAY)
    assert report["app_files"] == ["model.cc", "model.h", "model_ops.h"]
    text = "".join((tmp_path / "out" / name).read_text() for name in report["app_files"])
    for name in ("g_model_data", "g_model_size", "ModelOpResolver", "RegisterModelOps"):
        assert name in text
        assert name in PAGES["docs/app.md"]


def test_golden_vectors_are_checked_by_the_command(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_small_model(tmp_path / "model")
    rewrite_saved_model("model", "OUTPUT_DIR", _GOLDEN)
    assert len(json.loads(pathlib.Path("OUTPUT_DIR/golden.json").read_text())["vectors"]) == 32
    assert main.main(shlex.split(_CHECK)[1:]) == 0


def test_real_examples_are_taken_on_request(tmp_path: pathlib.Path) -> None:
    save_small_model(tmp_path / "model")
    with tf.io.TFRecordWriter(str(tmp_path / "examples")) as writer:
        for record in small_examples():
            writer.write(record)
    rewrite_saved_model(tmp_path / "model", tmp_path / "out", _REAL, tmp_path / "examples")
    content = json.loads((tmp_path / "out" / "golden.json").read_text())
    assert content["source"] == "real"
    assert {vector["example"].get("word", [None])[0] for vector in content["vectors"]} == {
        *("alpha", "beta", "gamma", "unknown", None)
    }


def test_page_names_the_fields_of_the_file() -> None:
    table = "".join(re.findall(r"^\| (`.*?) \|", PAGES["docs/app.md"], re.MULTILINE))
    fields = {field.name for field in dataclasses.fields(Golden)}
    fields -= {"vectors", "input_tolerance", "format_version"}
    fields |= {f"vectors[].{field.name}" for field in dataclasses.fields(GoldenVector)}
    assert set(re.findall(r"`(.+?)`", table)) == fields


def test_snippets_have_the_names_of_the_page(tmp_path: pathlib.Path) -> None:
    save_small_model(tmp_path / "model")
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "out", _SNIPPETS)
    for name in report["app_files"]:
        assert f"`{name}`" in PAGES["docs/app.md"]
    assert len(report["app_files"]) == 4
