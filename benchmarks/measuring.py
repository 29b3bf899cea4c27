"""Runs measurements, each in a process of its own, and holds their results against aims."""

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

PROCESSES = pathlib.Path(__file__).resolve().parent / "processes"
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}

Figures = Mapping[str, float]
Name = TypeVar("Name")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table: a figure of this package against a figure to compare it with.

    Attributes:
        key: The row's name for programs.
        section: The heading that it stands under.
        measured: What is measured.
        against: What it is compared with.
        ours: The figure of this package.
        base: The figure that it is compared with.
        unit: The unit of both.
        aim: The ratio to reach.
        is_least: Whether the ratio must be at least the aim, and not at most.
    """

    key: str
    section: str
    measured: str
    against: str
    ours: float
    base: float
    unit: str
    aim: float
    is_least: bool = False

    @property
    def ratio(self) -> float:
        """The figure of this package over the other one."""
        return self.ours / self.base

    @property
    def is_met(self) -> bool:
        """Whether the ratio reaches the aim."""
        return self.ratio >= self.aim if self.is_least else self.ratio <= self.aim


def measure(script: str, *arguments: str | pathlib.Path) -> Figures:
    """Runs a script of `processes/` and returns the figures in its last line."""
    process = _run([sys.executable, str(PROCESSES / script), *map(str, arguments)])
    if process.returncode:
        sys.exit(f"{script} failed:\n{process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])


def usage(command: Sequence[str], is_refused: bool = False) -> Figures:
    """The time that a whole Python process takes, with the processes that it starts.

    Args:
        command: The arguments of Python.
        is_refused: Whether the process must fail, because what it measures is a refusal.

    Returns:
        `seconds`, and `cpu_seconds` of all its processes.
    """
    start, cpu_start = time.perf_counter(), _cpu_seconds_of_children()
    process = _run([sys.executable, *command])
    seconds = time.perf_counter() - start
    if (process.returncode != 0) != is_refused:
        sys.exit(f"{command} ended with {process.returncode}:\n{process.stdout}\n{process.stderr}")
    return {"seconds": seconds, "cpu_seconds": _cpu_seconds_of_children() - cpu_start}


def in_turns(
    measurements: Mapping[Name, Callable[[], Figures]], rounds: int
) -> dict[Name, Figures]:
    """The medians of measurements that take turns, so that all meet the same other load."""
    found = [{name: run() for name, run in measurements.items()} for _ in range(rounds)]
    return {name: _medians([figures[name] for figures in found]) for name in measurements}


def _medians(measured: Sequence[Figures]) -> Figures:
    return {name: statistics.median(one[name] for one in measured) for name in measured[0]}


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # the working directory is not the checkout's, where files could be imported by mistake
    return subprocess.run(
        command,
        env={**os.environ, **_ENVIRONMENT},
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        check=False,
    )


def _cpu_seconds_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system
