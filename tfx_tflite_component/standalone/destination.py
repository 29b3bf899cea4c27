"""Where a conversion outside a pipeline writes its results: a folder, or a file and beside it."""

import dataclasses
import json
import os
import pathlib

from tfx_tflite_component.artifact_layout import (
    APP_DIR,
    ASSET_DIRS,
    HEAD_DIR,
    MODEL_FILENAME,
    REPORT_HTML,
    REPORT_JSON,
    SERVING_DIR,
    is_model_file,
    prefix_of,
)
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Output
from tfx_tflite_component.report.publish import beside
from tfx_tflite_component.storage.files import errors_of, exists, is_local, names_in, read_text


@dataclasses.dataclass(frozen=True)
class Destination:
    """Where the results are written.

    Attributes:
        folder: The folder, on any file system.
        model: The name of the model's file there: `tflite`, or `name.tflite`, for which the names
            of all other results begin with `name.` as well.
    """

    folder: str
    model: str = MODEL_FILENAME

    @property
    def prefix(self) -> str:
        """The prefix of the names of all results."""
        return prefix_of(self.model)

    @property
    def page(self) -> str:
        """The path of the report for people."""
        return os.path.join(self.folder, f"{self.prefix}{REPORT_HTML}")

    def earlier(self) -> list[str]:
        """The names of the files that an earlier conversion wrote there."""
        return [f"{self.prefix}{HEAD_DIR}", *self._earlier_files()]

    def _earlier_files(self) -> list[str]:
        unreadable: tuple[type[Exception], ...] = (OSError, ValueError, LookupError, TypeError)
        unreadable += errors_of(self.folder)
        path = os.path.join(self.folder, f"{self.prefix}{REPORT_JSON}")
        try:
            report = json.loads(read_text(path))
            names = [str(name) for name in [*report["files"], *report.get("app_files", [])]]
        except unreadable:
            return []  # no report, or one from another program
        # never delete what is not a result, whatever the report says
        stem = self.prefix.removesuffix(".")
        return [
            name
            for name in names
            if name == os.path.basename(name) and name.strip(".") and name.startswith(stem)
        ]

    @property
    def rejected(self) -> str:
        """The folder for a rejected model's report: never one that holds an earlier model."""
        if self.prefix:
            return beside(os.path.join(self.folder, self.prefix.removesuffix(".")))
        return beside(self.folder) if exists(os.path.join(self.folder, self.model)) else self.folder


def destination_of(path: str) -> Destination:
    """The destination that a path names: a folder, unless its name ends in `.tflite`.

    Args:
        path: The path, on any file system. A folder that is there stays one, whatever its name.
    """
    if not is_model_file(path) or (is_local(path) and os.path.isdir(path)):
        return Destination(path)
    folder, name = os.path.split(path)
    return Destination(folder or os.curdir, name)


def check_output(destination: Destination, output: Output) -> None:
    """Refuses fields of `output` that need an output folder if the destination is a file.

    Raises:
        ConfigError: It asks for a second copy, or for the SavedModel.
    """
    for field in ("extra_filename", "include_saved_model"):
        if destination.prefix and getattr(output, field):
            raise ConfigError(
                f"output.{field} is for an output folder, and {destination.model!r} is a file. "
                "Remove the field, or name a folder that does not end in .tflite."
            )


def check_apart(source: str, destination: Destination, output: Output) -> None:
    """Refuses a destination inside the source, and one in which the results replace the source.

    A source inside the destination under another name is allowed: Trainers use it.

    Raises:
        ConfigError: The two are not apart.
    """
    real_source, real_folder = os.path.realpath(source), os.path.realpath(destination.folder)
    if os.path.commonpath([real_source, real_folder]) == real_source:
        raise ConfigError(
            f"The destination {destination.folder} is the SavedModel's own folder {source}, or in "
            "it. Write to another one, and set output { include_saved_model: true } to have both "
            "models there."
        )
    place = os.path.relpath(real_source, real_folder).partition(os.sep)[0]
    results = [*ASSET_DIRS, HEAD_DIR, MODEL_FILENAME, REPORT_JSON, REPORT_HTML]
    written = {f"{destination.prefix}{name}" for name in results}
    written.add(output.extra_filename)
    if output.include_saved_model:
        written.update(names_in(source))
    if place in written:
        raise ConfigError(
            f"The SavedModel {source} is in the destination as {place!r}, which the results would "
            "replace. Put it into another folder."
        )


def arrange(folder: pathlib.Path, prefix: str) -> None:
    """Moves all results beside the head, because no Pusher has to separate them here.

    Args:
        folder: The folder that the worker filled.
        prefix: The prefix for all names there; those of the files for an app already have it.
    """
    serving, head, app = (folder / name for name in (SERVING_DIR, HEAD_DIR, APP_DIR))
    for entry in serving.iterdir():
        entry.rename(folder / f"{prefix}{entry.name}")
    serving.rmdir()
    if prefix and head.exists():
        head.rename(folder / f"{prefix}{HEAD_DIR}")
    if app.exists():
        for entry in app.iterdir():
            entry.rename(folder / entry.name)
        app.rmdir()
