"""A worker that is none."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tfx_tflite_component.components.rewriter import executor
from tfx_tflite_component.worker import main, process, tasks


class WorkerInProcess:
    """Does in this process what a `Worker` does in one of its own, which takes seconds to start."""

    def __enter__(self) -> "WorkerInProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, task: str, time_limit_seconds: int, **arguments: Any) -> Any:
        """What the function of `tasks` gives for what can travel as JSON."""
        assert time_limit_seconds > 0
        try:
            answer = main.do(vars(tasks)[task], json.loads(json.dumps(arguments)))
        except MemoryError as e:
            raise process._death(1, task, f"MemoryError: {e}", None) from e
        if "error" in answer:
            raise process._error(json.loads(json.dumps(answer["error"])))
        return json.loads(json.dumps(answer["result"]))


@contextlib.contextmanager
def in_process() -> Iterator[None]:
    """The executor does its tasks in this process inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "Worker", WorkerInProcess)
        yield
