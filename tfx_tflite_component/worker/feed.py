"""Runs the head on examples, in a separate process."""

import pathlib

from tfx_tflite_component.config import DEFAULTS
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.storage.arrays import load_arrays
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.tflite.interpreter import Arrays
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.protocol import FEED, FeedRequest

_SECONDS = DEFAULTS["time_limit_seconds"]


def feed(head: pathlib.Path, files: Files, num_examples: int) -> Arrays:
    """The model's inputs by name, computed by the head.

    Args:
        head: The folder of the head's SavedModel.
        files: The files of examples.
        num_examples: The number of examples to take.

    Raises:
        ExamplesError: The examples cannot be read, or the head refuses them.
        SourceModelError: The head cannot be loaded.
        StorageError: There is not enough space for the inputs.
    """
    with scratch() as folder, Worker() as worker:
        destination = folder / "inputs.npz"
        request = FeedRequest(str(head.absolute()), files, num_examples, str(destination))
        worker.ask(FEED, request, _SECONDS)
        return load_arrays(destination)
