"""A task that tries what a hostile model may try, for a worker that imports no TensorFlow."""

import contextlib
import dataclasses
import os
import pathlib
import socket
from collections.abc import Callable, Mapping

from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.worker.confinement import is_confined
from tfx_tflite_component.worker.protocol import Task


@dataclasses.dataclass(frozen=True)
class Attempts:
    """What is tried.

    Attributes:
        source: A folder that the task may read.
        destination: A folder that it may write.
        files: Examples that it may read.
        read: Files to read.
        write: Files to write.
        port: A port of this machine to connect to.
        process: A process to signal.
    """

    source: str
    destination: str
    files: Mapping[str, Files]
    read: tuple[str, ...]
    write: tuple[str, ...]
    port: int
    process: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What succeeded, and the environment that it was tried in."""

    succeeded: tuple[str, ...]
    environment: dict[str, str]
    confined: bool


ATTEMPT = Task("attempt", Attempts, Outcome)


def _attempt(attempts: Attempts) -> Outcome:
    actions: dict[str, Callable[[], object]] = {
        **{path: pathlib.Path(path).read_bytes for path in attempts.read},
        **{path: lambda p=path: pathlib.Path(p).write_text("written") for path in attempts.write},
        "connect": lambda: socket.create_connection(("127.0.0.1", attempts.port), 5).close(),
        "signal": lambda: os.kill(attempts.process, 0),
    }
    succeeded = []
    for name, action in actions.items():
        with contextlib.suppress(OSError):
            action()
            succeeded.append(name)
    return Outcome(tuple(succeeded), dict(os.environ), is_confined())


TASKS = {ATTEMPT: _attempt}
