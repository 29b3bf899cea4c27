"""Publishes reports: of published models, and of rejected ones."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from tfx_tflite_component.errors import VerificationError
from tfx_tflite_component.report.page import write_report
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.storage.copy import copy_files
from tfx_tflite_component.storage.publish import staged

_PREFIX = "rejected-"


def publish_report(report: Report, uri: str, app_dir: pathlib.Path | None = None) -> None:
    """Writes a report's files to a folder on any file system.

    Args:
        report: The report.
        uri: The folder.
        app_dir: A local folder whose files are copied there as well, if it exists.

    Raises:
        StorageError: The folder cannot be written.
    """
    with staged(uri) as folder:
        write_report(report, folder)
        if app_dir:
            copy_files(app_dir, folder)


def beside(uri: str) -> str:
    """The folder for the report of a rejected model, beside the model's folder."""
    folder, name = os.path.split(uri.rstrip("/"))
    return os.path.join(folder, f"{_PREFIX}{name}")


@contextlib.contextmanager
def rejected_report_in(uri: str) -> Iterator[None]:
    """Publishes the report if a model is rejected in the block.

    Args:
        uri: The folder to write the report to.

    Raises:
        VerificationError: The model was rejected; the message names the folder.
    """
    try:
        yield
    except VerificationError as e:
        if e.report is None:
            raise
        publish_report(Report.from_json(e.report), uri)
        raise VerificationError(f"{e} Its report is in {uri}.", e.report) from e
