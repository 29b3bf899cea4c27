"""Runs the head on examples, in a separate process."""

import pathlib

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.config import DEFAULTS
from tfx_tflite_component.errors import ModelFileError
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.storage.arrays import load_arrays
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.tflite.inspection import inspect_signatures
from tfx_tflite_component.tflite.interpreter import Arrays
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.protocol import FEED, FeedRequest

_SECONDS = DEFAULTS["time_limit_seconds"]


def feed(
    head: pathlib.Path, model: pathlib.Path, files: Files, num_examples: int
) -> dict[str, Arrays]:
    """The inputs of each signature of a model, by name, computed by the head.

    Args:
        head: The folder of the head's SavedModel.
        model: The `.tflite` file.
        files: The files of examples.
        num_examples: The number of examples to take.

    Raises:
        ExamplesError: The examples cannot be read, or the head refuses them.
        SourceModelError: The head cannot be loaded.
        StorageError: There is not enough space for the inputs.
    """
    keys = _signatures(model)
    keys_of_head = tuple(key or SIGNATURE_KEY for key in keys)
    with scratch() as folder, Worker() as worker:
        request = FeedRequest(str(head.absolute()), keys_of_head, files, num_examples, str(folder))
        worker.ask(FEED, request, _SECONDS)
        return {key: load_arrays(folder / f"{index}.npz") for index, key in enumerate(keys)}


def _signatures(model: pathlib.Path) -> list[str]:
    try:
        return list(inspect_signatures(model))
    except ModelFileError:
        return []  # that the model is damaged is reported when it is run
