"""Times a TFLite model on this machine."""

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # reports are read where TensorFlow is not imported
    from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel

_PERCENTILES = (50, 90, 99)
_MAX_RUNS = 100
_MAX_SECONDS = 0.2


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


def measure_latency(model: "TFLiteModel", inputs: "Arrays", batch_size: int = 1) -> Latency:
    """Times a model on one batch, for 0.2 seconds or at least one inference.

    Args:
        model: The model.
        inputs: An array [batch, ...] for each input; only the first examples are used.
        batch_size: The number of examples, if the model leaves it open.
    """
    size = model.batch_size or batch_size
    batch = {name: array[:size] if array.ndim else array for name, array in inputs.items()}
    model(batch)
    seconds: list[float] = []
    while len(seconds) < _MAX_RUNS and sum(seconds) < _MAX_SECONDS:
        start = time.perf_counter()
        model(batch)
        seconds.append(time.perf_counter() - start)
    return Latency(
        batch_size=size,
        runs=len(seconds),
        percentiles_ms={
            str(percentile): float(np.percentile(seconds, percentile) * 1000)
            for percentile in _PERCENTILES
        },
    )
