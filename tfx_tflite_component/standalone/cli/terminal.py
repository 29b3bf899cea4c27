"""What the command line prints: results, progress and errors."""

import contextlib
import json
import logging
import os
import pathlib
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

import click

from tfx_tflite_component.errors import RewriterError, StorageError, VerificationError
from tfx_tflite_component.progress import PROGRESS

PROGRAM = "tfx-tflite"

OK, CHECK_FAILED, BAD_INPUT, DEFECT, INTERRUPTED = 0, 1, 2, 70, 130
"""Exit codes. That of a defect is EX_SOFTWARE of sysexits.h."""

_PACKAGE = "tfx_tflite_component"


def outcome(function: Callable[[], int], debug: bool = False) -> int:
    """The exit code of a function, after a line on the error stream for what it raises.

    Args:
        function: What is run; it returns an exit code.
        debug: Whether the traceback of a defect is printed as well.
    """
    try:
        return function()
    except click.ClickException:  # wrong arguments, which `main` reports
        raise
    except VerificationError as e:
        return failed(str(e), CHECK_FAILED)
    except RewriterError as e:
        return failed(str(e), BAD_INPUT)
    except KeyboardInterrupt:
        return failed("interrupted; nothing was written", INTERRUPTED)
    except Exception as e:  # a defect of this package: a line says where it can be reported from
        if debug:
            _print(traceback.format_exc(), sys.stderr)
        frame = traceback.extract_tb(e.__traceback__)[-1]
        place = f"{pathlib.Path(frame.filename).name}:{frame.lineno}"
        advice = "Please report it" + ("." if debug else ", with what --debug prints.")
        return failed(f"{type(e).__name__} in {place}: {e}. {advice}", DEFECT)


def failed(message: str, code: int) -> int:
    """Prints a message on the error stream, in one line; returns the exit code."""
    show([f"{PROGRAM}: {' '.join(message.split())}"], sys.stderr)
    return code


def show(lines: Iterable[str], file: TextIO | None = None) -> None:
    """Prints lines. The names in them come from models, and may contain control characters."""
    shown = ("".join(c if c.isprintable() else repr(c)[1:-1] for c in line) for line in lines)
    _print("\n".join(shown), file or sys.stdout)


def show_json(data: Any) -> None:
    """Prints JSON, for programs."""
    _print(json.dumps(data, indent=2, allow_nan=False), sys.stdout)


@contextlib.contextmanager
def on_the_terminal(verbose: bool = False, log_file: str | None = None) -> Iterator[None]:
    """Shows progress and warnings of this package, but not of the libraries that it uses.

    Args:
        verbose: Whether everything that this package logs is shown.
        log_file: Where all of it is written as well.

    Raises:
        StorageError: The log file cannot be written.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.ExitStack() as stack:
        stack.callback(_set_level, logging.getLogger("absl"), logging.getLogger("absl").level)
        logging.getLogger("absl").setLevel(logging.ERROR)
        log = logging.getLogger(_PACKAGE)
        for changed in (log, PROGRESS):
            stack.callback(_set_level, changed, changed.level)
        PROGRESS.setLevel(logging.INFO)
        if verbose or log_file:
            log.setLevel(logging.DEBUG)
        for handler in _handlers(verbose, log_file):
            log.addHandler(handler)
            stack.callback(log.removeHandler, handler)
            stack.callback(handler.close)
        log.propagate = False
        stack.callback(setattr, log, "propagate", True)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


def _handlers(verbose: bool, log_file: str | None) -> Iterator[logging.Handler]:
    yield _Lines(logging.DEBUG if verbose else logging.WARNING)
    if log_file:
        try:
            handler = logging.FileHandler(log_file, encoding="utf-8")
        except OSError as e:
            raise StorageError(
                f"--log-file: {log_file} cannot be written: {e.strerror}. Name a file in a folder "
                "that can be written to."
            ) from e
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        yield handler


def _set_level(log: logging.Logger, level: int) -> None:
    log.setLevel(level)


class _Lines(logging.Handler):
    """Prints a line for each phase, with the seconds since the start, and for each warning."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level
        self._start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == PROGRESS.name:
            self._show(f"{time.monotonic() - self._start:.0f} s", record)
        elif record.levelno >= self._level:
            self._show(record.levelname.lower(), record)

    def _show(self, label: str, record: logging.LogRecord) -> None:
        message = record.getMessage()
        lines = message.splitlines() if record.levelno < logging.WARNING else [message]
        show([f"{label:>7}  {' '.join(line.split())}" for line in lines], sys.stderr)


def _print(text: str, file: TextIO) -> None:
    try:
        print(text, file=file, flush=True)
    except OSError as e:
        # the reader may have closed the pipe, as `head` does, and progress is not the result
        if file is sys.stdout and not isinstance(e, BrokenPipeError):
            raise StorageError(
                f"Cannot write to standard output: {e.strerror}. Write to a place with free space."
            ) from e
