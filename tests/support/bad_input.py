"""Hands bad input to the command line, and looks at what it says and at what it leaves behind."""

import contextlib
import dataclasses
import io
import pathlib
import sys
from collections.abc import Sequence

import pytest
import tensorflow as tf
from workers import WorkerInProcess

from tfx_tflite_component.errors import RewriterError, VerificationError
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.cli import main, terminal
from tfx_tflite_component.worker import process

_MOST_CHARACTERS = 12_000


@dataclasses.dataclass(frozen=True)
class Refusal:
    """What the command line refuses input with: a type of error, and words that its line holds."""

    error: type[RewriterError]
    words: tuple[str, ...]
    exit_code: int = 2


def run(*arguments: object) -> int:
    """Runs the command line in this process; gives its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "Worker", WorkerInProcess)
        patch.setattr(rewrite, "Worker", WorkerInProcess)
        return main.main([str(argument) for argument in arguments])


def check_refused(refusal: Refusal, *arguments: object) -> None:
    """Runs the command line, and checks that it says in one line why it refuses the arguments."""
    raised: list[BaseException | None] = []
    failed = terminal.failed

    def noting(message: str, code: int) -> int:
        raised.append(sys.exc_info()[1])
        return failed(message, code)

    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(shown):
        patch.setattr(terminal, "failed", noting)
        exit_code = run(*arguments)
    lines = shown.getvalue().splitlines()
    ours = [line for line in lines if line.startswith("tfx-tflite: ")]
    assert ours == lines[-1:]
    (line,) = ours
    assert [word for word in refusal.words if word not in line] == [], line
    assert [type(error) for error in raised] == [refusal.error], line
    assert exit_code == refusal.exit_code
    assert "Traceback" not in line
    assert len(line) < _MOST_CHARACTERS
    assert "report it" not in line


def check_not_converted(
    refusal: Refusal, source: object, folder: pathlib.Path, *options: object
) -> None:
    """Has a SavedModel converted, and checks that it is refused and leaves nothing behind.

    Of a model that was made and rejected, the report is left, and nothing else.
    """
    beside = folder / "outputs"
    beside.mkdir()
    check_refused(refusal, "convert", source, beside / "output", *options)
    left = [str(path.relative_to(beside)) for path in sorted(beside.rglob("*"))]
    reports = ["output", "output/report.html", "output/report.json"]
    assert left == (reports if refusal.error is VerificationError else [])


def check_converted(source: object, folder: pathlib.Path, *options: object) -> pathlib.Path:
    """Has a SavedModel converted, which must do; gives the folder with the result."""
    output = folder / "outputs" / "output"
    assert run("convert", source, output, *options) == 0
    assert (output / "tflite").exists()
    return output


def write_records(path: pathlib.Path, records: Sequence[bytes]) -> pathlib.Path:
    """Writes a TFRecord file."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def write_config(folder: pathlib.Path, text: str) -> pathlib.Path:
    """Writes a config for `--config`."""
    path = folder / "config.textproto"
    path.write_text(text)
    return path
