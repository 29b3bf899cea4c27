"""The latency of a TFLite model on this machine."""

import os
from collections.abc import Sequence

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.config import given_config, with_defaults
from tfx_tflite_component.report.schema import BenchmarkReport
from tfx_tflite_component.standalone.examples import Path
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.protocol import BENCHMARK, BenchmarkRequest


def benchmark_by(
    worker: Worker,
    model: Path,
    batch_sizes: Sequence[int],
    threads: Sequence[int],
    signature_key: str = SIGNATURE_KEY,
) -> BenchmarkReport:
    """Has a worker measure the latency of a TFLite model on random inputs.

    Args:
        worker: The worker.
        model: The `.tflite` file.
        batch_sizes: The numbers of examples in one inference; ignored by a model with a fixed one.
        threads: The numbers of threads.
        signature_key: The signature to run, if the model has several.

    Raises:
        RewriterError: The model cannot be read or run.
    """
    request = BenchmarkRequest(
        os.path.abspath(model), tuple(batch_sizes), tuple(threads), signature_key
    )
    return worker.ask(BENCHMARK, request, with_defaults(given_config(None)).time_limit_seconds)
