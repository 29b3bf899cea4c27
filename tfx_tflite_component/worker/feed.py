"""What the head makes of examples, in a process of its own."""

import pathlib

from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.storage.arrays import load_arrays
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.tflite.interpreter import Arrays
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.protocol import FEED, FeedRequest

_SECONDS = 7200


def feed(head: pathlib.Path, files: Files, num_examples: int) -> Arrays:
    """The model's inputs by name, as the head makes them.

    Args:
        head: The folder of the head's SavedModel.
        files: The files of examples.
        num_examples: How many of them are taken.

    Raises:
        ExamplesError: The examples cannot be read, or the head refuses them.
        SourceModelError: The head cannot be loaded.
        StorageError: There is no room for the inputs.
    """
    with scratch() as folder, Worker() as worker:
        destination = folder / "inputs.npz"
        request = FeedRequest(str(head.absolute()), files, num_examples, str(destination))
        worker.ask(FEED, request, _SECONDS)
        return load_arrays(destination)
