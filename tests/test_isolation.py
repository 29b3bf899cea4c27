"""Rewriting in a process of its own."""

import json
import pathlib
import tempfile

import pytest
import tensorflow as tf
from models import example, save_parsing

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import SourceModelError, WorkerError
from tfx_tflite_component.isolation import Worker, WorkerTraceback, rewrite_isolated


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where this process and the worker make their temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def destination(tmp_path):
    folder = tmp_path / "destination"
    folder.mkdir()
    return folder


def _rewrite(source, destination, config=None, samples=None):
    with Worker() as worker:
        return rewrite_isolated(worker, source, destination, read_config(config), samples or {})


def _dying_by(tmp_path, monkeypatch, statement):
    """Makes every Python process that is started from here die."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, signal, sys, tempfile\n"
        "tempfile.mkdtemp()\n"
        "print('last words', file=sys.stderr, flush=True)\n"
        f"{statement}\n"
    )
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize(
    ("statement", "how"),
    [
        ("os.abort()", "was killed by SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
        ("os._exit(3)", "ended with exit code 3 and without an answer"),
        ("os._exit(0)", "ended with exit code 0 and without an answer"),
    ],
)
def test_death_of_the_worker_is_one_error_with_its_last_words(
    tmp_path, monkeypatch, temporary, destination, statement, how
):
    _dying_by(tmp_path, monkeypatch, statement)
    with pytest.raises(WorkerError) as raised:
        _rewrite(tmp_path, destination)
    assert how in str(raised.value)
    assert "last words" in str(raised.value)
    assert list(temporary.iterdir()) == []


def test_error_of_the_worker_comes_through_with_its_cause(tmp_path, temporary, destination):
    with pytest.raises(SourceModelError, match="There is no SavedModel") as raised:
        _rewrite(tmp_path / "nothing", destination)
    assert isinstance(raised.value.__cause__, WorkerTraceback)
    assert "in load_signature" in str(raised.value.__cause__)
    assert list(temporary.iterdir()) == list(destination.iterdir()) == []


def test_defect_that_is_no_error_of_ours_is_told_by_its_traceback(tmp_path, destination):
    (tmp_path / "empty").touch()
    # no field of `Samples`: it breaks the worker's contract
    samples = {"training": tmp_path / "empty"}
    with pytest.raises(WorkerError, match=r"exit code 1(.|\n)*TypeError.*'training'"):
        _rewrite(tmp_path, destination, samples=samples)


def test_worker_writes_the_model_and_answers_with_the_report(tmp_path, temporary, destination):
    model = save_parsing(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature([], tf.float32)},
        lambda parsed: {"y": parsed["x"] * 2},
    )
    records = tmp_path / "examples"
    with tf.io.TFRecordWriter(str(records)) as writer:
        for value in (1.0, 2.0, 3.0):
            writer.write(example(x=[value]))
    # TensorFlow leaves files of its own in this process
    before = set(temporary.iterdir())
    report = _rewrite(model, destination, "batch_size: 2", {"verification": records})
    assert json.loads(json.dumps(report)) == report
    assert report["boundary"] == "RAW_FEATURES"
    written = pathlib.Path(destination, "Format-Serving", "tflite").read_bytes()
    assert written[4:8] == b"TFL3"
    assert sorted(path.name for path in destination.iterdir()) == ["Format-Serving", "head"]
    assert set(temporary.iterdir()) == before
