"""TFLite metadata in a model: what it says, and that nothing else changes."""

import dataclasses
import hashlib
import pathlib
import zipfile

import numpy as np
import pytest
from metadata_models import LABELS, save_colors, save_labeled, save_words
from workers import WorkerInProcess

from tfx_tflite_component.config import given_config
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model
from tfx_tflite_component.tflite.inspection import inspect, inspect_signatures
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.tflite.metadata import ENTRY
from tfx_tflite_component.tflite.schema import schema
from tfx_tflite_component.worker.labels_file import with_labels

_LABELS = f"labels: {LABELS}"


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The models."""
    folder = tmp_path_factory.mktemp("metadata")
    save_colors(folder / "colors", scale=1 / 255)
    save_words(folder / "words")
    return folder


def test_only_the_metadata_is_added(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    rewrite_saved_model(folder / "colors", tmp_path / "plain.tflite")
    described = f"name: 'colors' author: 'me' license: 'MIT' version: '2' {_LABELS}"
    config = f"metadata {{ {described} description: 'tells a color' }} app {{ c_array: true }}"
    for name in ("m.tflite", "again.tflite"):
        report = rewrite_saved_model(folder / "colors", tmp_path / name, config)
    content = (tmp_path / "m.tflite").read_bytes()
    assert (tmp_path / "again.tflite").read_bytes() == content
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    (entry,) = [entry for entry in model.metadata if entry.name == ENTRY.encode()]
    text = bytes(model.buffers[entry.buffer].data)
    assert text[4:8] == b"M001"
    for word in (b"colors", b"me", b"MIT", b"2", b"tells a color", b"1.0.0", b"labels.txt"):
        assert len(word).to_bytes(4, "little") + word + b"\0" in text
    with zipfile.ZipFile(tmp_path / "m.tflite") as files:
        assert files.read("labels.txt").decode().split() == LABELS
        assert files.getinfo("labels.txt").compress_type == zipfile.ZIP_STORED

    found, plain = inspect(tmp_path / "m.tflite"), inspect(tmp_path / "plain.tflite")
    assert found.sha256 == hashlib.sha256(content).hexdigest() == report["model"]["sha256"]
    assert found.size_bytes == len(content) == report["model"]["size_bytes"]
    same = {"sha256": plain.sha256, "size_bytes": plain.size_bytes}
    assert dataclasses.replace(found, **same) == plain
    assert inspect_signatures(tmp_path / "m.tflite") == inspect_signatures(
        tmp_path / "plain.tflite"
    )
    assert f"g_again_size = {len(content)};" in (tmp_path / "again.cc").read_text()
    x = {"x": np.random.default_rng(0).uniform(0, 255, [1, 16, 16, 3]).astype(np.float32)}
    np.testing.assert_array_equal(
        TFLiteModel(tmp_path / "m.tflite")(x)["y"], TFLiteModel(tmp_path / "plain.tflite")(x)["y"]
    )


def test_normalization_and_labels_are_the_models_own(tmp_path: pathlib.Path) -> None:
    save_labeled(tmp_path / "model")
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "m.tflite", "metadata {}")
    (image,) = report["metadata"]["inputs"]
    assert (image["color_space"], image["mean"], image["std"]) == ("RGB", [0.0], [1.0])
    outputs = {output["name"]: output["labels"] for output in report["metadata"]["outputs"]}
    assert outputs == {"label": [], "table": [], "y": LABELS}
    assert not report["warnings"]


def test_image_that_the_model_does_not_scale_needs_the_config(tmp_path: pathlib.Path) -> None:
    save_colors(tmp_path / "model", scale=1.0)
    (tmp_path / "labels.txt").write_text("\r\n".join(LABELS), "utf-8-sig")
    file = f"labels_file: '{tmp_path}/labels.txt'"
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "m", f"metadata {{ {file} }}")
    assert "metadata.mean" in report["warnings"][0]
    config = f"metadata {{ {file} mean: [1, 2, 3] std: [255, 255, 254] }}"
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "m", config)
    (image,) = report["metadata"]["inputs"]
    assert (image["mean"], image["std"]) == ([1, 2, 3], [255, 255, 254])
    assert report["metadata"]["outputs"][0]["labels"] == LABELS
    assert not report["warnings"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("labels: ['one', 'two']", "'y' float32"),
        ("mean: [0, 0] std: [1, 1]", "3 channels"),
        ("labels_file: 'no such file'", "cannot be read"),
        ("mean: 1", "as many"),
        ("mean: 1 std: 0", "no 0"),
        ("labels: ['a', '', 'c']", "one line"),
        ("labels: ['a', 'b\\nc', 'c']", "one line"),
        ("labels: ['a', 'b\\000', 'c']", "one line"),
        ("labels: 'a' labels_file: 'a'", "one of the two"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(
    folder: pathlib.Path, tmp_path: pathlib.Path, config: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        rewrite_saved_model(folder / "colors", tmp_path / "out", f"metadata {{ {config} }}")


def test_empty_line_of_the_label_file_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n\n")
    with pytest.raises(ConfigError, match=r"line 4 of '.*labels\.txt'"):
        with_labels(given_config({"metadata": {"labels_file": f"{tmp_path}/labels.txt"}}))


def test_normalization_without_an_image_is_refused(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(ConfigError, match="has 0"):
        rewrite_saved_model(folder / "words", tmp_path / "out", "metadata { mean: 0 std: 1 }")
