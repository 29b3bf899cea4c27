"""A stand-in for `Worker` that does its tasks in the test's own process."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tfx_tflite_component.components.rewriter import executor
from tfx_tflite_component.errors import error_from_json
from tfx_tflite_component.json_form import from_json, to_json
from tfx_tflite_component.worker.crash import death
from tfx_tflite_component.worker.main import do
from tfx_tflite_component.worker.protocol import Request, Result, Task
from tfx_tflite_component.worker.tasks import TASKS


class WorkerInProcess:
    """Does in this process what a `Worker` does in one of its own, which takes seconds to start."""

    def __enter__(self) -> "WorkerInProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(
        self, task: Task[Request, Result], request: Request, time_limit_seconds: float
    ) -> Result:
        """The result of a task, whose request and result travel as JSON."""
        assert time_limit_seconds > 0
        try:
            answer = do(TASKS, _sent({"task": task.name, "request": to_json(request)}))
        except MemoryError as e:
            raise death(1, f"MemoryError: {e}", None, task.name) from e
        answer = _sent(answer)
        if "error" in answer:
            raise error_from_json(answer["error"])
        return from_json(task.result, answer["result"])


def _sent(message: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(message))


@contextlib.contextmanager
def in_process() -> Iterator[None]:
    """The executor does its tasks in this process inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "Worker", WorkerInProcess)
        yield
