"""What follows a crash of the converter."""

import pathlib
import signal
from collections.abc import Mapping
from typing import Any

import pytest

from tfx_tflite_component.config import given_config
from tfx_tflite_component.errors import (
    ConversionError,
    RewriterError,
    UnsupportedOpsError,
    WorkerError,
    error_from_json,
    error_to_json,
)
from tfx_tflite_component.worker import client
from tfx_tflite_component.worker.client import rewrite_in_worker
from tfx_tflite_component.worker.crash import death
from tfx_tflite_component.worker.protocol import RewriteRequest

_HOW = "the converter was killed by SIGSEGV"


class _Workers:
    """Workers that end in the given ways, one after the other."""

    def __init__(self, *ends: RewriterError) -> None:
        self.ends, self.refused = list(ends), list[Mapping[str, Mapping[str, str]]]()

    def __call__(self) -> "_Workers":
        return self

    def __enter__(self) -> "_Workers":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, task: object, request: RewriteRequest, seconds: float) -> str:
        self.refused.append({key: dict(found) for key, found in request.refused.items()})
        if self.ends:
            raise self.ends.pop(0)
        return "the report"


def _crash(boundary: str, signature: str = "") -> WorkerError:
    return death(-signal.SIGSEGV, "", None, "converting", boundary, signature)


def _rewritten(
    workers: _Workers, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, **config: Any
) -> object:
    monkeypatch.setattr(client, "Worker", workers)
    return rewrite_in_worker(workers, folder, folder, given_config(config), {})  # type: ignore[arg-type]


def test_each_signature_continues_after_its_own_crashes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = _Workers(_crash("RAW_FEATURES", "a"), _crash("RAW_FEATURES", "b"))
    keys = {"signature_keys": ["a", "b"]}
    assert _rewritten(workers, tmp_path, monkeypatch, **keys) == "the report"
    refused = {"RAW_FEATURES": _HOW}
    assert workers.refused == [{}, {"a": refused}, {"a": refused, "b": refused}]


def test_first_crash_is_the_error_if_later_boundaries_fail(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [_crash("RAW_FEATURES"), _crash("PER_FEATURE"), ConversionError("No boundary is left.")]
    with pytest.raises(WorkerError, match="No boundary is left") as raised:
        _rewritten(_Workers(*ends), tmp_path, monkeypatch)
    assert raised.value.boundary == "RAW_FEATURES"


def test_boundary_that_the_config_names_is_not_left(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = _Workers(_crash("RAW_FEATURES"))
    with pytest.raises(WorkerError):
        _rewritten(workers, tmp_path, monkeypatch, input_boundary="RAW_FEATURES")
    assert workers.refused == [{}]


def test_error_with_a_note_is_sent_without_it() -> None:
    error = UnsupportedOpsError("An op is not allowed.", ["A"], ["a"])
    error.__notes__ = ["while it was called"]  # as `add_note` of Python 3.11 does
    for copy in (error_from_json(error_to_json(error)), error.with_message(str(error))):
        assert isinstance(copy, UnsupportedOpsError)
        assert (str(copy), [*copy.ops], [*copy.nodes]) == (str(error), ["A"], ["a"])
