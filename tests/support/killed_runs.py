"""Kills runs of `rewrite_saved_model` at points that are spread over them.

python killed_runs.py SOURCE DESTINATION

Each run is a fork of this process, and so is its worker: this process has imported all that both
take, which takes a worker of its own 8 seconds, and has started no threads.
"""

import importlib
import logging
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.context import ForkProcess
from typing import BinaryIO
from unittest import mock

from tfx_tflite_component import rewrite_saved_model
from tfx_tflite_component.progress import PROGRESS
from tfx_tflite_component.worker import main as worker

_PHASES = ("loading", "converting", "verifying", "saving")
_ROUNDS = 3


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


class _ForkedWorker(ForkProcess):
    """Stands in for the `subprocess.Popen` of a worker."""

    def __init__(
        self,
        command: list[str],
        stdout: BinaryIO,
        cwd: pathlib.Path,
        env: Mapping[str, str],
        **_: object,
    ) -> None:
        super().__init__(target=_work, args=(command[-3:], stdout, cwd, env))
        self.start()

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self.join(timeout)
        return self.exitcode


def _work(
    arguments: list[str], log: BinaryIO, folder: pathlib.Path, environment: Mapping[str, str]
) -> None:
    PROGRESS.handlers.clear()  # the killer is for its parent
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    os.chdir(folder)
    os.environ.update(environment)
    tempfile.tempdir = None  # the environment names another
    descriptor, parent, module = arguments
    worker.main(int(descriptor), int(parent), module)


def _run_killed(source: str, destination: str, killer: _Killer) -> None:
    child = os.fork()
    if not child:
        PROGRESS.setLevel(logging.INFO)
        PROGRESS.addHandler(killer)
        rewrite_saved_model(source, destination)
        os._exit(0)
    if os.waitpid(child, 0)[1] != signal.SIGKILL:
        sys.exit("It was not killed.")


def main(source: str, destination: str) -> None:
    """Kills a dozen runs, and looks after each whether it left anything."""
    delays = random.Random(0)
    for phase in _ROUNDS * _PHASES:
        _run_killed(source, destination, _Killer(phase, delays.uniform(0, 0.2)))
        if os.path.exists(destination):
            sys.exit(f"Killed while {phase}, it left {os.listdir(destination)}.")
        print(phase)


if __name__ == "__main__":
    with worker.without_extras():
        importlib.import_module("tfx_tflite_component.worker.tasks")
    with mock.patch.object(subprocess, "Popen", _ForkedWorker):
        main(*sys.argv[1:])
