"""Whole runs that are killed, side by side, or without room."""

import concurrent.futures
import logging
import os
import pathlib
import random
import resource
import signal
import tempfile
import time

import pytest
from small_model import save_small_model

from tfx_tflite_component import rewrite_saved_model
from tfx_tflite_component.errors import StorageError
from tfx_tflite_component.progress import PROGRESS

_PHASES = ("loading", "converting", "verifying", "saving")
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


class _Killer(logging.Handler):
    """Kills this process some time after a phase begins."""

    def __init__(self, phase: str, delay_seconds: float) -> None:
        super().__init__()
        self._phase = phase
        self._delay_seconds = delay_seconds

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(self._phase):
            time.sleep(self._delay_seconds)
            os.kill(os.getpid(), signal.SIGKILL)


def _run_killed(source: pathlib.Path, destination: pathlib.Path, killer: _Killer) -> None:
    child = os.fork()
    if not child:
        PROGRESS.setLevel(logging.INFO)
        PROGRESS.addHandler(killer)
        rewrite_saved_model(source, destination)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork")
def test_killed_runs_publish_nothing_and_those_that_follow_side_by_side_do(
    source, tmp_path, temporary
):
    delays = random.Random(0)
    folder = tmp_path / "out"
    for phase in _PHASES:
        _run_killed(source, folder / "1", _Killer(phase, delays.uniform(0, 0.2)))
        assert not (folder / "1").exists()
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


def test_full_disk_is_told_and_nothing_is_published(source, tmp_path, temporary):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # less than the model's weights: a file that cannot grow stands for a disk without room
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**13, hard))
    try:
        with pytest.raises(StorageError, match="File too large") as raised:
            rewrite_saved_model(source, tmp_path / "out" / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(temporary) in str(raised.value)
    assert os.listdir(tmp_path / "out") == []
    assert list(temporary.glob(".tfx-tflite-*")) == []
