"""Recognizes a SavedModel by its files, for callers that have not imported TensorFlow."""

import os
import pathlib

from tfx_tflite_component.errors import SourceModelError, listed
from tfx_tflite_component.storage.storage_errors import storage_errors

SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")


def check_is_saved_model(path: pathlib.Path) -> None:
    """Refuses a folder without a SavedModel.

    Args:
        path: The folder, on the local file system.

    Raises:
        SourceModelError: There is no SavedModel.
        StorageError: The folder cannot be read.
    """
    if not any(os.path.lexists(path / name) for name in SAVED_MODEL_FILES):
        raise SourceModelError(
            f"There is no SavedModel in {path}: expected a folder with {SAVED_MODEL_FILES[0]}, "
            f"found {_content(path)}. Connect the `model` output of a Trainer; outside of a "
            "pipeline, name the folder of a SavedModel, or a Keras file with --keras-model."
        )


def _content(path: pathlib.Path) -> str:
    with storage_errors(f"the SavedModel in {path}"):
        if path.is_file():
            return "a file"
        found = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    return listed(found) or "nothing"
