"""The paths in the published Model artifact."""

import pathlib

SERVING_DIR = "Format-Serving"
"""The folder that TFX serves: the model, and the files that ship with it."""

MODEL_FILENAME = "tflite"
"""The model in that folder; TFMA looks for this name."""

HEAD_DIR = "head"
"""The head as a SavedModel. The component writes it beside that folder, so that a Pusher does not
ship it. Outside a pipeline, as in a Trainer's `run_fn`, it is beside the model file."""

APP_DIR = "app"
"""Where the worker leaves the files for an app, which are then published beside the report."""

GOLDEN_JSON = "golden.json"
"""The golden vectors, beside the report."""

C_ARRAY_STEM = "model"
"""What the names of the C array's files begin with if the model has no name of its own."""

C_ARRAY_SUFFIXES = (".h", ".cc", "_ops.h")
"""What they end with: the declaration of the array, the array, and the ops to register."""

SNIPPETS = {
    "PYTHON": "snippet.py",
    "CPP": "snippet.cc",
    "KOTLIN": "snippet.kt",
    "SWIFT": "snippet.swift",
}
"""The files with code that calls the model, by the name of their `App.Language`."""

ASSET_DIRS = ("assets", "assets.extra")
"""The folders of a SavedModel that are copied with the model."""

SIGNATURE_KEY = "serving_default"
"""The key of the model's signature, for any key in the SavedModel; TFMA looks for it."""

REPORT_JSON = "report.json"
"""The report for programs."""

REPORT_HTML = "report.html"
"""The report as a page for people."""


def prefix_of(model_filename: str) -> str:
    """The prefix of the names of the files beside a model.

    It is "" for the file `tflite`, which has a folder of its own, and "name." for `name.tflite`.
    """
    return model_filename.removesuffix(MODEL_FILENAME)


def is_model_file(path: str) -> bool:
    """Whether a path is that of a file `name.tflite`, by its name."""
    return pathlib.PurePath(path).suffix == f".{MODEL_FILENAME}"


def head_beside(model: pathlib.Path) -> pathlib.Path:
    """The place of the head that was written beside a model."""
    return model.with_name(f"{prefix_of(model.name)}{HEAD_DIR}")
