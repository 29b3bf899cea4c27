"""The worker process: runs one task and answers. Started by `worker.process`."""

import contextlib
import ctypes
import gc
import importlib
import json
import logging
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from tfx_tflite_component.errors import RewriterError, error_to_json, listed
from tfx_tflite_component.json_form import from_json, to_json
from tfx_tflite_component.progress import PROGRESS
from tfx_tflite_component.storage.storage_errors import lack_of_memory, storage_errors
from tfx_tflite_component.worker.confinement import confine_to_task
from tfx_tflite_component.worker.protocol import Task

Tasks: TypeAlias = Mapping[Task[Any, Any], Callable[[Any], Any]]

# prctl(2), linux/prctl.h
_PR_SET_PDEATHSIG = 1


def main(descriptor: int, parent: int, tasks: str) -> None:
    """Answers with a result or an error of this package; any other exception ends the process.

    Args:
        descriptor: A connection that the request comes through and that takes the answers: the
            phases as they begin, warnings, and then the result or the error.
        parent: The process that started this one.
        tasks: The module that has `TASKS`.
    """
    _die_with(parent)
    os.set_inheritable(descriptor, False)
    with multiprocessing.connection.Connection(descriptor) as connection:

        def send(answer: dict[str, Any]) -> None:
            connection.send_bytes(json.dumps(answer).encode())

        _forward(PROGRESS, logging.INFO, _phase, send)
        _forward(logging.getLogger("tfx_tflite_component"), logging.WARNING, _warning, send)
        # takes seconds, in which the parent prepares the request
        with without_extras(), _without_garbage_collection():
            implementations = importlib.import_module(tasks).TASKS
        message = json.loads(connection.recv_bytes())
        confine_to_task(message)
        send(do(implementations, message))


@contextlib.contextmanager
def without_extras() -> Iterator[None]:
    """Makes `import tensorflow` skip Keras and Google's API client: two fifths of its time.

    TensorFlow imports Keras's optimizers at the end of its own import, the API client for clusters
    in the cloud, and ignores an ImportError of both. After the block, they can be imported as
    usual, by a task that needs Keras.
    """
    extras = ("keras.src", "tf_keras.src", "googleapiclient")
    # Python raises an ImportError for a module that is None
    sys.modules.update(dict.fromkeys(extras))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in extras:
            del sys.modules[name]


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Spares the imports Python's search for garbage, a twelfth of their time."""
    gc.disable()
    yield
    gc.enable()


def do(tasks: Tasks, message: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request: the result of a task, or an error of this package."""
    (task,) = (task for task in tasks if task.name == message["task"])
    request = from_json(task.request, message["request"])
    folders = [tempfile.gettempdir(), *filter(None, [getattr(request, "destination", None)])]
    try:
        with storage_errors(f"the work with TensorFlow, which writes to {listed(folders)}"):
            return {"result": to_json(tasks[task](request))}
    except RewriterError as e:
        if lacking := lack_of_memory(e):
            # the exit status of this process tells the parent that memory ran out
            raise MemoryError(lacking) from e
        return {"error": error_to_json(e), "traceback": traceback.format_exc()}


def _die_with(parent: int) -> None:
    """Makes the kernel kill this process when its parent ends, for any reason."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("The parent is gone already.")


def _forward(
    log: logging.Logger,
    level: int,
    message: Callable[[logging.LogRecord], dict[str, Any]],
    send: Callable[[dict[str, Any]], None],
) -> None:
    """Sends log records to the parent."""
    handler = logging.Handler(level)
    handler.emit = lambda record: send(message(record))  # type: ignore[method-assign]
    log.addHandler(handler)
    log.setLevel(level)


def _phase(record: logging.LogRecord) -> dict[str, Any]:
    return {name: vars(record)[name] for name in ("phase", "boundary", "signature")}


def _warning(record: logging.LogRecord) -> dict[str, Any]:
    return {"warning": record.getMessage()}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    # the answer is sent: skip TensorFlow's cleanup, which takes a second
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
