"""Works with TensorFlow in a process of its own.

The converter is a large C++ program that aborts on some models and keeps memory of others. In a
process of its own it takes nothing down with it.
"""

import contextlib
import io
import json
import logging
import os
import pathlib
import re
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfx_tflite_component import errors
from tfx_tflite_component.config import as_json
from tfx_tflite_component.progress import CONVERTING, begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.storage.scratch import scratch

_LOG_LINES_IN_ERRORS = 12
_LOG_BYTES = 2**16
_PIPE_BYTES = 2**16
_WAIT_SECONDS = 0.5
_DEFECT = (
    "This is a defect of the TFLite converter or interpreter that the model brings to light. Try "
    "another input_boundary or quantization.mode, or another version of TensorFlow."
)
_FURTHER_ON = Boundary.TRANSFORMED_FEATURES
_SIGNALS = {number.value: number.name for number in signal.Signals}
_CRASHES = (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV)
# what C++, Python, TensorFlow and LLVM say
_OUT_OF_MEMORY = re.compile(
    r"std::bad_alloc|MemoryError|OOM when allocating|out of memory|pthread_create\(\) failed"
)

_log = logging.getLogger(__name__)


class WorkerTraceback(Exception):
    """Where in the other process an error was raised, in words: the cause of the error here."""


class Worker:
    """A process that does one task with TensorFlow for this one, in a `with` statement.

    It starts when the block begins, so that its imports are behind what this process does until it
    asks. When the block ends, it is gone, with all that it wrote to temporary files.
    """

    def __enter__(self) -> "Worker":
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(scratch())
            self._log_path = folder / "log"
            try:
                self._start(folder, stack)
            except OSError as e:
                raise errors.WorkerError(
                    f"The process that works with TensorFlow cannot be started: {e}. Nothing was "
                    f"published. See that this process may start {sys.executable}, and that it "
                    "has not too many files open."
                ) from e
            self._stack = stack.pop_all()
        return self

    def _start(self, folder: pathlib.Path, stack: contextlib.ExitStack) -> None:
        answers, answers_of_worker = os.pipe()
        self._answers = stack.enter_context(os.fdopen(answers, "rb", buffering=0))
        try:
            with self._log_path.open("wb") as log:
                self._process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "tfx_tflite_component.worker.main"),
                        *(str(answers_of_worker), str(os.getpid())),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=[answers_of_worker],
                    # Python looks for modules where it starts: nothing of the user's is there
                    cwd=folder,
                    env=_environment(str(folder)),
                    text=True,
                )
        finally:
            os.close(answers_of_worker)
        stack.callback(_end, self._process)

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self, task: str, time_limit_seconds: int, **arguments: Any) -> Any:
        """Has a task done.

        Args:
            task: The name of a function in `tasks`.
            time_limit_seconds: After which the process is killed.
            **arguments: Its arguments, as JSON.

        Returns:
            Its result, as JSON.

        Raises:
            RewriterError: What the function raised.
            WorkerError: The process died, or took longer than the limit.
        """
        expired = threading.Event()
        timer = threading.Timer(time_limit_seconds, self._expire, [expired])
        timer.start()
        try:
            answer, phase = self._answer({"task": task, "arguments": arguments})
            if not answer:
                self._process.wait()  # its last words come last
        finally:
            timer.cancel()
        log = _end_of(self._log_path)
        if "result" in answer:
            _log.debug("What the worker logged:\n%s", log)
            return answer["result"]
        if "error" in answer:
            _log.info("What the worker logged:\n%s", log)
            raise _error(answer["error"]) from WorkerTraceback("\n" + answer["error"]["traceback"])
        limit = time_limit_seconds if expired.is_set() else None
        raise _death(self._process.returncode, phase, log, limit)

    def _expire(self, expired: threading.Event) -> None:
        expired.set()
        self._process.kill()

    def _answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """The last answer, empty if there is none, and the phase that came before it."""
        assert self._process.stdin
        # who died before it could read says why by how it died
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(json.dumps(request) + "\n")
        phase = "importing TensorFlow"
        for line in self._lines():
            answer = json.loads(line)
            if "phase" in answer:
                phase = answer["phase"]
                begin(phase)
            elif "warning" in answer:
                _log.warning(answer["warning"])
            else:
                return answer, phase
        return {}, phase

    def _lines(self) -> Iterator[bytes]:
        """What the process writes, as far as lines are complete.

        It waits in short turns: Python heeds no signal, such as Ctrl-C, that arrives right before
        it begins to wait. And the pipe of a process that has ended stays open where one that
        another thread forked meanwhile has it as well.
        """
        parts: list[bytes] = []
        while self._has_answer():
            read = self._answers.read(_PIPE_BYTES)
            if not read:
                return
            parts.append(read)
            if b"\n" in read:
                *lines, rest = b"".join(parts).split(b"\n")
                parts = [rest]
                yield from lines

    def _has_answer(self) -> bool:
        """Waits for an answer, or for the end of the process without one."""
        is_running = True
        while is_running:
            # before the look at the pipe: what it writes last is there when it has ended
            is_running = self._process.poll() is None
            if _is_ready(self._answers, _WAIT_SECONDS if is_running else 0):
                return True
        return False


def rewrite_isolated(
    worker: Worker,
    source: pathlib.Path,
    destination: pathlib.Path,
    config: TFLiteRewriterConfig,
    files: Mapping[str, tuple[str, Sequence[str]]],
    transform_graph: pathlib.Path | None = None,
) -> dict[str, Any]:
    """Has a worker do `rewriting.rewrite`.

    Where the config leaves the boundary open and the converter crashes at the first, another worker
    goes on at TRANSFORMED_FEATURES, as `rewrite` does where the converter refuses.

    Args:
        worker: The worker.
        source: The folder of the SavedModel.
        destination: An empty folder.
        config: The config, as `read_config` gives it.
        files: What examples are sampled from: `sampling.Files` for each of its
            `settings_of_samples`, with absolute patterns; none for random inputs.
        transform_graph: The folder of TF Transform's output, where it is at hand.

    Returns:
        The report, as JSON.

    Raises:
        RewriterError: What `rewriting.rewrite` raised.
        WorkerError: The worker died, or took longer than `config.time_limit_seconds`.
    """
    arguments = {
        "source": str(source.absolute()),
        "destination": str(destination.absolute()),
        "files": files,
        "transform_graph": str(transform_graph.absolute()) if transform_graph else None,
    }
    end = time.monotonic() + config.time_limit_seconds
    try:
        return _rewrite(worker, config, arguments)
    except errors.WorkerError as e:
        if config.input_boundary != TFLiteRewriterConfig.AUTO or not _crashed_at_the_first(e):
            raise
        for entry in destination.iterdir():
            shutil.rmtree(entry)
        return _rewrite_further_on(e, end - time.monotonic(), config, arguments)


def _rewrite(
    worker: Worker, config: TFLiteRewriterConfig, arguments: dict[str, Any]
) -> dict[str, Any]:
    return worker.ask("rewrite", config.time_limit_seconds, config=as_json(config), **arguments)


def _crashed_at_the_first(error: errors.WorkerError) -> bool:
    """Whether the converter crashed, and at a boundary that another one comes after."""
    is_last = error.phase == CONVERTING + _FURTHER_ON
    return error.crashed and error.phase.startswith(CONVERTING) and not is_last


def _rewrite_further_on(
    crash: errors.WorkerError,
    seconds_left: float,
    config: TFLiteRewriterConfig,
    arguments: dict[str, Any],
) -> dict[str, Any]:
    """Goes on behind the boundary at which the converter crashed."""
    pinned = TFLiteRewriterConfig()
    pinned.CopyFrom(config)
    pinned.input_boundary = TFLiteRewriterConfig.TRANSFORMED_FEATURES
    pinned.time_limit_seconds = max(1, int(seconds_left))
    try:
        with Worker() as worker:
            report = _rewrite(worker, pinned, arguments)
    except (errors.SplitError, errors.ConversionError, errors.WorkerError) as e:
        if isinstance(e, errors.WorkerError) and not e.crashed:
            raise
        raise errors.WorkerError(
            f"{crash}\nThe boundary {_FURTHER_ON} does not do either: {e}",
            crash.phase,
            crash.how,
            crash.crashed,
        ) from crash
    reason = f"{crash.phase.removeprefix(CONVERTING)} did not do: the converter {crash.how}"
    return report | {
        "boundary_reason": f"{report['boundary_reason']}; {reason}",
        "config": as_json(config),
    }


def _is_ready(pipe: io.FileIO, seconds: float) -> bool:
    """Waits until something can be read of a pipe, or its end."""
    # not by select(2), which takes no descriptors from 1,024 on
    with selectors.PollSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(seconds))


def _error(answer: dict[str, Any]) -> errors.RewriterError:
    """The error that an answer tells of."""
    return getattr(errors, answer["type"])(answer["message"], **answer["attributes"])


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _environment(folder: str) -> dict[str, str]:
    return {
        **os.environ,
        # finds this package, and what a model's own ops need, wherever this process found them
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        # a process that dies leaves its temporary files behind, such as a copy of the weights
        "TMPDIR": folder,
        # conversion needs no accelerator, and one may be in use
        "CUDA_VISIBLE_DEVICES": "-1",
        # what it says goes to its log, which errors quote
        "TF_CPP_MIN_LOG_LEVEL": "0",
    }


def _end_of(log: pathlib.Path) -> str:
    """What a log ends with: a model can print without end."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES))
        return file.read().decode(errors="replace")


def _death(returncode: int, phase: str, log: str, limit: int | None) -> errors.WorkerError:
    """The error for a process that gave no answer.

    Args:
        returncode: As `subprocess` gives it.
        phase: What it was doing.
        log: The end of its log.
        limit: The time limit in seconds, if that is what ended it.
    """
    lines = [line for line in log.splitlines() if line.strip()][-_LOG_LINES_IN_ERRORS:]
    number = -returncode if returncode < 0 else None
    how = f"ended with exit code {returncode} and without an answer"
    remedy = ""
    if number:
        how = f"was killed by {_SIGNALS.get(number, f'signal {number}')}"
    if limit is not None:
        how = f"was ended after {limit} seconds, its time limit,"
        remedy = "Set time_limit_seconds to more if it needs more."
    elif any(map(_OUT_OF_MEMORY.search, lines)):
        remedy = "It ran out of memory: give this step more, or set a smaller batch_size."
    elif number == signal.SIGKILL:
        remedy = "Most likely the machine ran out of memory: give this step more."
    elif number in _CRASHES:
        remedy = _DEFECT
    last_words = "\n".join(f"  {line}" for line in lines)
    return errors.WorkerError(
        f"The process that works with TensorFlow {how} while it was {phase}. Nothing was "
        f"published. {remedy}\nIts last words:\n{last_words}",
        phase=phase,
        how=how,
        crashed=remedy is _DEFECT,
    )
