"""Compares a model with golden vectors, outside of a pipeline."""

import os
from typing import TYPE_CHECKING

from tfx_tflite_component.config import DEFAULTS
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.protocol import CHECK_GOLDEN, CheckGoldenRequest

if TYPE_CHECKING:
    from tfx_tflite_component.app.golden import GoldenCheck

_SECONDS = DEFAULTS["time_limit_seconds"]


def check_golden_by(worker: Worker, model: str, golden: str) -> "GoldenCheck":
    """Has a worker run a model on golden vectors.

    Args:
        worker: The worker.
        model: The `.tflite` file.
        golden: The file `golden.json`.

    Raises:
        ModelFileError: One of the files cannot be read, or the model cannot be run.
        VerificationError: The model does not take the inputs of the vectors, or lacks an output.
    """
    request = CheckGoldenRequest(os.path.abspath(model), os.path.abspath(golden))
    return worker.ask(CHECK_GOLDEN, request, _SECONDS)
