"""The other process: does one task and answers. Started by `worker.process`."""

import ctypes
import json
import logging
import os
import signal
import sys
import tempfile
import traceback
from typing import Any, TextIO

from tfx_tflite_component.errors import RewriterError, listed
from tfx_tflite_component.progress import PROGRESS
from tfx_tflite_component.storage.storage_errors import lack_of_memory, storage_errors

# prctl(2), linux/prctl.h
_PR_SET_PDEATHSIG = 1


def main(answers_descriptor: int, parent: int) -> None:
    """Answers with a result or an error of this package; others end the process.

    Args:
        answers_descriptor: A pipe that takes the answers, each a JSON object in a line: the phases
            as they begin, warnings, and then the result or the error.
        parent: The process that started this one.
    """
    _die_with(parent)
    os.set_inheritable(answers_descriptor, False)
    with os.fdopen(answers_descriptor, "w") as answers:
        _forward(PROGRESS, logging.INFO, "phase", answers)
        _forward(logging.getLogger("tfx_tflite_component"), logging.WARNING, "warning", answers)
        # takes seconds, which the parent uses to make the request
        from tfx_tflite_component.worker import tasks

        request = json.loads(sys.stdin.readline())
        _send(answers, do(vars(tasks)[request["task"]], request["arguments"]))


def do(task: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request: the result of a function of `tasks`, or an error of this package."""
    folders = [tempfile.gettempdir(), *filter(None, [arguments.get("destination")])]
    try:
        with storage_errors(f"the work with TensorFlow, which writes to {listed(folders)}"):
            return {"result": task(**arguments)}
    except RewriterError as e:
        if lacking := lack_of_memory(e):
            # the error blames the model; who asked learns how this process ended
            raise MemoryError(lacking) from e
        return {
            "error": {
                "type": type(e).__name__,
                "message": str(e),
                "attributes": vars(e),
                "traceback": traceback.format_exc(),
            }
        }


def _die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent ends, however that happens."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("The parent is gone already.")


def _forward(log: logging.Logger, level: int, kind: str, answers: TextIO) -> None:
    """Sends what is logged to who asked."""
    handler = logging.Handler(level)
    handler.emit = lambda record: _send(answers, {kind: record.getMessage()})  # type: ignore[method-assign]
    log.addHandler(handler)
    log.setLevel(level)


def _send(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
    # the answer is written: nothing waits for TensorFlow to take itself apart, which takes a second
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
