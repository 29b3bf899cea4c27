"""The candidates that a search has tried so far."""

import contextlib
import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Iterator

from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.quantization.outcome import Trial
from tfx_tflite_component.quantization.quality import Judge, Quality
from tfx_tflite_component.tflite.inspection import Numbers, inspect
from tfx_tflite_component.tflite.model_edit import compact


class Trials:
    """Makes candidates, compares each with the SavedModel, and keeps its file.

    Attributes:
        found: The trials by name, in order.
        step_seconds: How long each step took.
        skipped: What was not tried because time was up.
        judge: What compares.
    """

    def __init__(self, judge: Judge, folder: pathlib.Path, max_seconds: float) -> None:
        """Starts the clock.

        Args:
            judge: What compares.
            folder: Where the candidates are written.
            max_seconds: When no further one is tried.
        """
        self.judge = judge
        self.folder = folder
        self.found: dict[str, Trial] = {}
        self.step_seconds: dict[str, float] = {}
        self.skipped: list[str] = []
        self._start, self._max_seconds = time.monotonic(), max_seconds

    def is_over(self, share: float = 1.0) -> bool:
        """Whether a share of the time is up."""
        return time.monotonic() - self._start > self._max_seconds * share

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times a step."""
        start = time.monotonic()
        yield
        self.step_seconds[name] = round(time.monotonic() - start, 3)

    def path(self, name: str) -> pathlib.Path:
        """The file of a candidate."""
        return self.folder / f"{list(self.found).index(name)}.tflite"

    def attempt(self, name: str, make: Callable[[], bytes], is_float: bool = False) -> Trial:
        """Makes a candidate and compares it.

        Args:
            name: What is done.
            make: Makes the content of a `.tflite` file.
            is_float: Whether it is held to the limit of float models.
        """
        start = time.monotonic()
        if self.is_over() and self.found:
            self.skipped.append(name)
            return self._failed(name, 0.0, "time was up")
        try:
            content = make()
        except ConversionError as e:
            trial = self._failed(name, time.monotonic() - start, str(e))
            self.found[name] = trial
            return trial
        return self._compared(name, content, is_float, start)

    def refuse(self, trial: Trial, why: str) -> None:
        """Keeps a candidate from being chosen."""
        self.found[trial.name] = dataclasses.replace(
            trial, holds=False, is_near_miss=False, why_not=why
        )

    def _failed(self, name: str, seconds: float, why: str) -> Trial:
        return Trial(name, 0, -math.inf, None, False, False, round(seconds, 3), why)

    def _compared(self, name: str, content: bytes, is_float: bool, start: float) -> Trial:
        path = self.folder / f"{len(self.found)}.tflite"
        path.write_bytes(compact(content))
        quality = self.judge(path, is_float)
        trial = Trial(
            name=name,
            size_bytes=path.stat().st_size,
            sqnr_db=quality.sqnr_db,
            argmax_agreement=quality.argmax_agreement,
            holds=quality.holds,
            is_integer_only=_is_integer_only(path),
            seconds=round(time.monotonic() - start, 3),
            why_not="; ".join(quality.failures),
            is_near_miss=quality.is_near_miss,
        )
        self.found[name] = trial
        return trial

    def measured(self, content: bytes, is_float: bool = False) -> Quality:
        """Compares a model that is not a candidate."""
        path = self.folder / "measured.tflite"
        path.write_bytes(content)
        return self.judge(path, is_float)


def _is_integer_only(path: pathlib.Path) -> bool:
    return not any(
        op.computes_in == Numbers.FLOAT and not op.is_at_edge for op in inspect(path).ops
    )
