"""Whole runs that are killed, side by side, or without room."""

import concurrent.futures
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import pytest
from small_model import save_small_model
from versions import OF_NO_VERSION

from tfx_tflite_component import rewrite_saved_model
from tfx_tflite_component.errors import StorageError

_KILLED_RUNS = pathlib.Path(__file__).parents[1] / "support" / "killed_runs.py"
pytestmark = [OF_NO_VERSION, pytest.mark.process]

_COMPLETE = ["assets", "head", "report.html", "report.json", "tflite"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "model"
    save_small_model(folder)
    return folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.slow
def test_killed_runs_publish_nothing_and_later_parallel_runs_publish(source, tmp_path, temporary):
    folder = tmp_path / "out"
    killed = subprocess.run(
        [sys.executable, _KILLED_RUNS, source, folder / "1"],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert len(killed.stdout.split()) == 12
    rewrite_saved_model(source, folder / "1")
    before = _memory_megabytes()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: rewrite_saved_model(source, folder / name), ["2", "3"]))
    assert sorted(os.listdir(folder)) == ["1", "2", "3"]
    for run in folder.iterdir():
        assert sorted(os.listdir(run)) == _COMPLETE
        assert (run / "tflite").read_bytes() == (folder / "1" / "tflite").read_bytes()
    # of the killed ones as well
    assert list(temporary.glob(".tfx-tflite-*")) == []
    assert _memory_megabytes() - before < 16


def _memory_megabytes() -> int:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def test_full_disk_is_reported_and_nothing_is_published(source, tmp_path, temporary):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # less than the model's weights: a file that cannot grow stands for a disk without room
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**13, hard))
    try:
        with pytest.raises(StorageError, match="File too large") as raised:
            rewrite_saved_model(source, tmp_path / "out" / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(temporary) in str(raised.value)
    assert not (tmp_path / "out").exists()
    assert list(temporary.glob(".tfx-tflite-*")) == []
