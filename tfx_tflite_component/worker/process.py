"""A separate process that uses TensorFlow.

The converter is a large C++ program that aborts on some models and does not free all of its memory.
In a separate process it cannot crash the caller.
"""

import contextlib
import json
import logging
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from tfx_tflite_component.errors import WorkerError, error_from_json
from tfx_tflite_component.json_form import from_json, to_json
from tfx_tflite_component.progress import Phase, begin, on_signature
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.worker.crash import death
from tfx_tflite_component.worker.environment import basic_environment
from tfx_tflite_component.worker.protocol import Request, Result, Task
from tfx_tflite_component.worker.reach import environment_of

_LOG_BYTES = 2**16
_TURN_SECONDS = 0.5
_TASKS = "tfx_tflite_component.worker.tasks"

_log = logging.getLogger(__name__)


class WorkerTraceback(Exception):
    """The worker's traceback as text; the cause of the error raised here."""


class Worker:
    """A separate process that runs one task with TensorFlow; used in a `with` statement.

    The process starts when the block begins, so that its imports overlap with the caller's
    preparation of the request. When the block ends, the process has ended and its temporary files
    are deleted.
    """

    def __init__(self, tasks: str = _TASKS) -> None:
        """Sets the tasks that the process can run.

        Args:
            tasks: The module whose `TASKS` it looks tasks up in, and imports before it reads one.
        """
        self._tasks = tasks

    def __enter__(self) -> "Worker":
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(scratch())
            self._log_path = folder / "log"
            try:
                self._start(folder, stack)
            except OSError as e:
                raise WorkerError(
                    f"The process that works with TensorFlow cannot be started: {e}. Nothing was "
                    f"published. Check that this process may start {sys.executable}, and that it "
                    "does not have too many files open."
                ) from e
            self._stack = stack.pop_all()
        return self

    def _start(self, folder: pathlib.Path, stack: contextlib.ExitStack) -> None:
        ours, theirs = multiprocessing.Pipe()
        self._connection = stack.enter_context(ours)
        with theirs, self._log_path.open("wb") as log:
            descriptor = theirs.fileno()
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tfx_tflite_component.worker.main"),
                    *(str(descriptor), str(os.getpid()), self._tasks),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[descriptor],
                # Python imports modules from the working directory: start in one without the user's
                # files
                cwd=folder,
                env=_environment(str(folder)),
            )
        stack.callback(_end, self._process)

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(
        self, task: Task[Request, Result], request: Request, time_limit_seconds: float
    ) -> Result:
        """Runs a task.

        Args:
            task: The task.
            request: The task's request.
            time_limit_seconds: The process is killed after this time.

        Returns:
            The task's result.

        Raises:
            RewriterError: What the task raised.
            WorkerError: The process died, or took longer than the limit.
        """
        sent = to_json(request)
        environment = environment_of(sent)
        # if it died before reading, its exit status says why
        with contextlib.suppress(BrokenPipeError):
            self._send({"task": task.name, "request": sent, "environment": environment})
        answer, step = self._answer(time.monotonic() + time_limit_seconds)
        if answer is not None and "result" in answer:
            _log.debug("What the worker logged:\n%s", _end_of(self._log_path))
            return from_json(task.result, answer["result"])
        if answer is not None:
            _log.info("What the worker logged:\n%s", _end_of(self._log_path))
            cause = WorkerTraceback("\n" + answer["traceback"])
            raise error_from_json(answer["error"]) from cause
        expired = self._process.poll() is None
        self._process.kill()
        # wait for exit, so that the log is complete
        returncode, log = self._process.wait(), _end_of(self._log_path)
        raise death(returncode, log, time_limit_seconds if expired else None, **step)

    def _send(self, message: dict[str, Any]) -> None:
        self._connection.send_bytes(json.dumps(message).encode())

    def _answer(self, deadline: float) -> tuple[dict[str, Any] | None, dict[str, str]]:
        """The result or error, if any, and the last phase before it, with its place."""
        step = {"phase": Phase.IMPORTING.value, "boundary": "", "signature": ""}
        begin(Phase.IMPORTING)
        for message in self._messages(deadline):
            if "phase" in message:
                step = message
                with on_signature(step["signature"]):
                    begin(Phase(step["phase"]), step["boundary"])
            elif "warning" in message:
                _log.warning(message["warning"])
            else:
                return message, step
        return None, step

    def _messages(self, deadline: float) -> Iterator[dict[str, Any]]:
        """The messages of the process, until it has ended or the time is up."""
        with contextlib.suppress(EOFError, ConnectionResetError):
            while self._has_message(deadline):
                yield json.loads(self._connection.recv_bytes())
            return
        # it has closed its end and is about to exit
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0, deadline - time.monotonic()))

    def _has_message(self, deadline: float) -> bool:
        """Waits for a message, or for the end of the process without one.

        It polls, for two reasons. Python does not handle a signal, such as Ctrl-C, that arrives
        right before a wait begins. And the pipe of a process that has ended stays open if another
        process, forked in the meantime, has inherited it.
        """
        is_running = True
        while is_running and time.monotonic() < deadline:
            # before polling the pipe: once the process has ended, its last message is there
            is_running = self._process.poll() is None
            if multiprocessing.connection.wait(
                [self._connection], _TURN_SECONDS if is_running else 0
            ):
                return True
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _environment(folder: str) -> dict[str, str]:
    return {
        **basic_environment(os.environ, home=folder),
        # so that it finds this package, and modules of custom ops, where this process found them
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        # a process that dies leaves temporary files behind, such as a copy of the weights
        "TMPDIR": folder,
        # conversion needs no accelerator, and one may be in use
        "CUDA_VISIBLE_DEVICES": "-1",
        # its output goes to its log, which errors quote
        "TF_CPP_MIN_LOG_LEVEL": "0",
    }


def _end_of(log: pathlib.Path) -> str:
    """The end of a log, because a model can print any amount."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES))
        return file.read().decode(errors="replace")
