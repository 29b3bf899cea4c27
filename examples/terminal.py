"""What the examples show while they run: one line a step; the rest goes to a log."""

import argparse
import logging
import os
import pathlib
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from typing import TextIO

import absl.logging

_LOG_NAME = "example-run.log"
_CAUSE_LINES = 5


class Progress(logging.Handler):
    """Prints one line per step: its number, its name and the seconds it took.

    It learns where the pipeline is as a handler of the log that TFX's runner writes.
    """

    def __init__(self, terminal: TextIO) -> None:
        """Makes the handler; `terminal` takes the lines."""
        super().__init__()
        self.step = ""
        self._terminal = terminal
        self._number = 0
        self._start = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Prints when a component starts or ends; other messages are none of its business."""
        if record.msg == "Component %s is running.":
            self.begin(record.getMessage().split()[1])
        elif record.msg == "Component %s is finished.":
            self.end()

    def begin(self, step: str) -> None:
        """Prints the number and name of a step that starts."""
        self.step = step
        self._number += 1
        self._start = time.monotonic()
        print(f"{self._number:>3}  {step:<32}", end="", file=self._terminal, flush=True)

    def end(self) -> None:
        """Prints the seconds of the step that ends."""
        print(f"{time.monotonic() - self._start:6.1f} s", file=self._terminal)


def add_root_argument(parser: argparse.ArgumentParser, default: pathlib.Path) -> None:
    """Adds `--root`, the directory that `run_quietly` takes."""
    parser.add_argument(
        "--root",
        type=_output_directory,
        default=str(default),
        help="directory for all output, emptied first (default: %(default)s)",
    )


def run_quietly(root: pathlib.Path, run: Callable[[Progress], str]) -> int:
    """Runs an example and returns the exit code.

    Args:
        root: The directory for all output, which is emptied first.
        run: Does the work and returns what is printed at the end.
    """
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    log = root / _LOG_NAME
    print(f"Log: {log}\n", flush=True)
    out, err = _divert_output(log)
    progress = Progress(out)
    absl.logging.set_verbosity(absl.logging.INFO)
    absl.logging.get_absl_logger().addHandler(progress)
    try:
        summary = run(progress)
    except Exception as error:
        traceback.print_exc()
        print("failed", file=out)
        cause = "".join(traceback.format_exception_only(error)).splitlines()[-_CAUSE_LINES:]
        print(f"\n{progress.step} failed:", *cause, f"The whole story: {log}", sep="\n", file=err)
        return 1
    print(f"\n{summary}", file=out)
    return 0


def _output_directory(argument: str) -> pathlib.Path:
    path = pathlib.Path(argument).resolve()
    is_ours = (path / _LOG_NAME).exists()
    if path.exists() and not is_ours and not (path.is_dir() and not any(path.iterdir())):
        raise argparse.ArgumentTypeError(
            f"{argument} holds files that are not from an earlier run; expected a directory that "
            "is new, empty or from an earlier run. Name another one."
        )
    return path


def _divert_output(log: pathlib.Path) -> tuple[TextIO, TextIO]:
    """Sends all further output into the log and returns the terminal's two streams.

    TensorFlow, Beam and pip write to the file descriptors, past `sys.stdout` and `sys.stderr`.
    """
    out, err = (os.fdopen(os.dup(descriptor), "w", buffering=1) for descriptor in (1, 2))
    sys.stdout.flush()
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return out, err
