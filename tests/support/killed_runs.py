"""Kills runs of `rewrite_saved_model` at points that are spread over them.

python killed_runs.py SOURCE DESTINATION

Each run is a fork of this process, which has imported all that it takes and started no threads.
"""

import logging
import os
import random
import signal
import sys
import time

from tfx_tflite_component import rewrite_saved_model
from tfx_tflite_component.progress import PROGRESS

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
    main(*sys.argv[1:])
