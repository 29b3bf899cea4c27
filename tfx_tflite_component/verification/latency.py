"""Times a TFLite model on this machine."""

import dataclasses
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # reports are read where TensorFlow is not imported
    from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel

_PERCENTILES = (50, 90, 99)
_MAX_RUNS = 100
_MAX_SECONDS = 0.2
_TURNS = 30


@dataclasses.dataclass(frozen=True)
class Latency:
    """The time of one inference on the machine that converted the model, with one thread.

    Attributes:
        batch_size: The number of examples per inference.
        runs: The number of timed inferences.
        percentiles_ms: Milliseconds at the percentiles "50", "90" and "99".
    """

    batch_size: int
    runs: int
    percentiles_ms: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long one inference takes, measured in turns with other models.

    Attributes:
        median_ms: The median, in milliseconds.
        noise_ms: Half the distance between the quartiles, in milliseconds.
    """

    median_ms: float
    noise_ms: float


def measure_in_turns(models: "Mapping[str, TFLiteModel]", inputs: "Arrays") -> dict[str, Timing]:
    """Times models in turns, so that other work of the machine slows all of them alike.

    Args:
        models: The models by name.
        inputs: As for `measure_latency`.
    """
    batches = {name: _smallest_batch(model, inputs) for name, model in models.items()}
    for name, model in models.items():
        model(batches[name])
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(_TURNS):
        for name, model in models.items():
            seconds[name].append(_seconds(model, batches[name]))
    return {name: _timing(found) for name, found in seconds.items()}


def _timing(seconds: Sequence[float]) -> Timing:
    low, median, high = np.percentile(seconds, (25, 50, 75)) * 1000
    return Timing(float(median), float(high - low) / 2)


def measure_latency(
    model: "TFLiteModel",
    inputs: "Arrays",
    batch_size: int = 1,
    batched: Collection[str] | None = None,
) -> Latency:
    """Times a model on one batch, for 0.2 seconds or at least one inference.

    Args:
        model: The model.
        inputs: An array [batch, ...] for each input; only the first examples are used.
        batch_size: The number of examples, if the model leaves it open.
        batched: The inputs with a batch dimension; None if all have it.
    """
    batch = _smallest_batch(model, inputs, batch_size, batched)
    model(batch)
    seconds: list[float] = []
    while len(seconds) < _MAX_RUNS and sum(seconds) < _MAX_SECONDS:
        seconds.append(_seconds(model, batch))
    return Latency(
        batch_size=(model.batch_size if batched is None else model.batch_size_of(batched))
        or batch_size,
        runs=len(seconds),
        percentiles_ms={
            str(percentile): float(np.percentile(seconds, percentile) * 1000)
            for percentile in _PERCENTILES
        },
    )


def _smallest_batch(
    model: "TFLiteModel",
    inputs: "Arrays",
    batch_size: int = 1,
    batched: Collection[str] | None = None,
) -> "Arrays":
    if batched is None:
        batched = [name for name, array in inputs.items() if array.ndim]
    size = model.batch_size_of(batched) or batch_size
    return {name: array[:size] if name in batched else array for name, array in inputs.items()}


def _seconds(model: "TFLiteModel", batch: "Arrays") -> float:
    start = time.perf_counter()
    model(batch)
    return time.perf_counter() - start
