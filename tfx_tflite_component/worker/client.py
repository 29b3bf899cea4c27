"""Converts a model in a worker; if the converter crashes, another worker continues."""

import dataclasses
import pathlib
import shutil
import time
from collections.abc import Mapping

from tfx_tflite_component.config import as_json, with_defaults
from tfx_tflite_component.errors import (
    ConversionError,
    RewriterError,
    SplitError,
    WorkerError,
)
from tfx_tflite_component.progress import Phase
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.worker.labels_file import with_labels
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.protocol import REWRITE, RewriteRequest


def rewrite_in_worker(
    worker: Worker,
    source: pathlib.Path,
    destination: pathlib.Path,
    config: TFLiteRewriterConfig,
    files: Mapping[str, Files],
    transform_graph: pathlib.Path | None = None,
    is_keras_file: bool = False,
    prefix: str = "",
) -> Report:
    """Runs `rewriting.rewrite` in a worker.

    If the config leaves the boundary open and the converter crashes at one boundary, another worker
    continues with the boundaries after it, as `rewrite` does if the converter raises an error. With
    several signatures, it does so for the one of which the converter crashed.

    Args:
        worker: The worker.
        source: The folder of the SavedModel.
        destination: An empty folder.
        config: The config, as `given_config` returns it.
        files: The files that examples are sampled from, for each of `settings_of_samples`, with
            absolute patterns; empty for random inputs.
        transform_graph: The folder of TF Transform's output, if given.
        is_keras_file: Whether the source is a file that Keras saved.
        prefix: What the names of files beside the report begin with.

    Raises:
        RewriterError: What `rewriting.rewrite` raised.
        ConfigError: The config's file of labels cannot be read.
        WorkerError: The worker died, or took longer than the config's `time_limit_seconds`.
    """
    request = RewriteRequest(
        source=str(source.absolute()),
        destination=str(destination.absolute()),
        config=as_json(with_labels(config)),
        files=files,
        transform_graph=str(transform_graph.absolute()) if transform_graph else None,
        is_keras_file=is_keras_file,
        prefix=prefix,
    )
    limit = with_defaults(config).time_limit_seconds
    end = time.monotonic() + limit
    try:
        return worker.ask(REWRITE, request, limit)
    except WorkerError as e:
        if config.input_boundary != TFLiteRewriterConfig.AUTO or not _converter_crashed(e):
            raise
        return _rewrite_further_on(e, request, end)


def _converter_crashed(error: WorkerError) -> bool:
    return error.crashed and error.phase == Phase.CONVERTING


def _rewrite_further_on(crash: WorkerError, request: RewriteRequest, end: float) -> Report:
    """Continues after each boundary at which the converter crashes, each time in a new worker.

    Args:
        crash: The first crash.
        request: The request.
        end: The time at which the time limit is reached.
    """
    refused: dict[str, dict[str, str]] = {}
    latest = crash
    while latest.boundary not in refused.setdefault(latest.signature, {}):
        refused[latest.signature][latest.boundary] = f"the converter {latest.how}"
        try:
            return _again(dataclasses.replace(request, refused=refused), end)
        except (SplitError, ConversionError) as e:
            raise _also_failed(crash, e) from crash
        except WorkerError as e:
            if not e.crashed:
                raise
            if not _converter_crashed(e):
                raise _also_failed(crash, e) from crash
            latest = e
    raise crash


def _again(request: RewriteRequest, end: float) -> Report:
    for entry in pathlib.Path(request.destination).iterdir():
        shutil.rmtree(entry)
    with Worker() as worker:
        return worker.ask(REWRITE, request, max(1.0, end - time.monotonic()))


def _also_failed(crash: WorkerError, error: RewriterError) -> WorkerError:
    return crash.with_message(f"{crash}\nSplitting later in the graph also failed: {error}")
