"""Starts the processes of targets: the only module of this room that does.

A runtime that crashes does not affect the caller or other runtimes, and no runtime sees the
libraries that another has loaded.
"""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfx_tflite_component.errors import TargetError
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.targets.runners.exchange import FACTS, INPUTS, OUTPUTS, REQUEST

_RUNNERS = pathlib.Path(__file__).with_name("runners")
_LAST_LINES = 6
# a compiler prints some lines for each op
_LOG_BYTES = 2**20
_SIGNALS = {number.value: number.name for number in signal.Signals}

Call = Mapping[int, np.ndarray]
"""The inputs or outputs of one inference by their positions in the graph."""


@dataclasses.dataclass(frozen=True)
class Started:
    """How to start a process in an environment.

    Attributes:
        command: The Python, and the command in front of it, such as an emulator.
        packages: The folder of its packages; None for those of this process.
    """

    command: tuple[str, ...]
    packages: pathlib.Path | None


@dataclasses.dataclass(frozen=True)
class Run:
    """The result of the process of a target.

    Attributes:
        facts: What it reported: "loaded", "refused" and the runner's measurements.
        outputs: The outputs of each inference; empty if it did not get that far.
        seconds: How long it took, including its start.
        death: How it ended early, with the end of its log; empty if it did not.
        log: The end of what it printed.
    """

    facts: dict[str, Any]
    outputs: list[dict[int, np.ndarray]]
    seconds: float
    death: str
    log: str


def run(
    runner: str,
    started: Started,
    request: Mapping[str, Any],
    calls: Sequence[Call],
    time_limit_seconds: int,
    keep: pathlib.Path | None = None,
) -> Run:
    """Runs one of `runners` in an environment.

    Args:
        runner: The runner's name.
        started: How its process is started.
        request: The request to the runner, as JSON.
        calls: The inputs of each inference.
        time_limit_seconds: The time after which the process is killed.
        keep: A folder for files that the runner writes; None for a temporary one.

    Raises:
        TargetError: The process cannot be started, or fails for a reason other than the model.
        StorageError: There is not enough space for its inputs.
    """
    with scratch() as folder:
        (folder / REQUEST).write_text(json.dumps({**request, "folder": str(keep or folder)}))
        np.savez(folder / INPUTS, **_flat(calls))
        begin = time.monotonic()
        death = _start(runner, started, folder, time_limit_seconds)
        seconds = time.monotonic() - begin
        log = _end_of(folder / "log")
        facts = _facts(folder / FACTS)
        if not death and not facts.get("done"):
            raise TargetError(
                f"The runner {runner} ended without an answer. This is a defect of this package or "
                f"of the environment {started.packages}. Its last words:\n{_last_words(log)}"
            )
        return Run(facts, _outputs(folder / OUTPUTS), seconds, death, log)


def output_of(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """What a command prints to its standard output; empty if it fails.

    Args:
        command: The command.
        environment: More variables for it.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def install(command: Sequence[str]) -> str:
    """Runs a command that installs something; returns the end of its output if it fails.

    Args:
        command: The command.
    """
    try:
        process = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as e:
        return str(e)
    return _last_words(process.stdout) if process.returncode else ""


def _start(runner: str, started: Started, folder: pathlib.Path, limit: int) -> str:
    """Runs a runner to its end, and returns what ended it early, in words."""
    # only targets in this environment see the packages of this process
    isolation = ["-I", "-S"] if started.packages else ["-s"]
    command = [
        *started.command,
        *isolation,
        str(_RUNNERS / f"{runner}.py"),
        str(started.packages or ""),
        str(folder),
    ]
    with (folder / "log").open("wb") as log:
        try:
            process = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=_environment(folder),
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"was ended after {limit} seconds, its time limit"
        except OSError as e:
            raise TargetError(f"The target's Python {command[0]} cannot be started: {e}.") from e
    if process.returncode >= 0 and _facts(folder / FACTS).get("done"):
        return ""
    if process.returncode == 1:  # an exception that no runner expects
        return ""
    how = (
        f"was killed by {_SIGNALS.get(-process.returncode, -process.returncode)}"
        if process.returncode < 0
        else f"ended with exit code {process.returncode}"
    )
    words = _last_words(_end_of(folder / "log"))
    return how + (f". Its last words:\n{words}" if words else "")


def _environment(folder: pathlib.Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "TMPDIR": str(folder),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _flat(calls: Sequence[Call]) -> dict[str, Any]:
    return {
        f"{number}/{position}": array
        for number, call in enumerate(calls)
        for position, array in call.items()
    }


def _outputs(path: pathlib.Path) -> list[dict[int, np.ndarray]]:
    if not path.exists():
        return []
    calls: dict[int, dict[int, np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for name, array in arrays.items():
            number, _, position = name.partition("/")
            calls.setdefault(int(number), {})[int(position)] = array
    return [calls[number] for number in sorted(calls)]


def _facts(path: pathlib.Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def _last_words(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()][-_LAST_LINES:]
    return "\n".join(f"  {line}" for line in lines)


def _end_of(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_BYTES))
        return file.read().decode(errors="replace")
