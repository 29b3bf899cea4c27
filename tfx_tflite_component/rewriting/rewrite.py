"""Converts a SavedModel into a verified TFLite model."""

import dataclasses
import pathlib
import shutil
import types
from collections.abc import Mapping

import tensorflow as tf

from tfx_tflite_component.artifact_layout import (
    APP_DIR,
    ASSET_DIRS,
    HEAD_DIR,
    MODEL_FILENAME,
    SERVING_DIR,
)
from tfx_tflite_component.errors import ConfigError, VerificationError
from tfx_tflite_component.graph.saved_model import (
    check_published_files,
    load_signature,
    load_transform,
)
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.rewriting.app_files import write_app_files
from tfx_tflite_component.rewriting.boundary_search import Samples
from tfx_tflite_component.rewriting.findings import report_file
from tfx_tflite_component.rewriting.signature import convert_and_verify
from tfx_tflite_component.split.head import Head
from tfx_tflite_component.split.narrow import guarded
from tfx_tflite_component.storage.copy import copy_folder


def rewrite(
    source: pathlib.Path,
    destination: pathlib.Path,
    config: config_pb2.TFLiteRewriterConfig,
    samples: Samples,
    transform_graph: pathlib.Path | None = None,
    refused: Mapping[str, str] = types.MappingProxyType({}),
    prefix: str = "",
) -> Report:
    """Converts a SavedModel into a TFLite model and the files that belong to it.

    Args:
        source: The folder of the SavedModel.
        destination: An empty folder; `Format-Serving/`, `head/` and, if the config asks for files
            for an app, `app/` are made in it.
        config: The config, as `read_config` gives it.
        samples: The examples.
        transform_graph: The folder of TF Transform's output, if given.
        refused: Boundaries that another process has tried, and why they failed.
        prefix: What the names of the files for an app begin with.

    Raises:
        VerificationError: The model exceeds its limits; the error has the report.
        RewriterError: Another error; `destination` is then incomplete.
    """
    check_published_files(source, [""] if config.output.include_saved_model else ASSET_DIRS)
    begin(Phase.LOADING)
    signature = load_signature(source, config.signature_key, config.trusted_ops)
    transform = load_transform(transform_graph, config.trusted_ops) if transform_graph else None
    serving_dir = destination / SERVING_DIR
    _copy_companions(source, serving_dir, config)
    _check_extra_filename(serving_dir, config.output.extra_filename)
    path = serving_dir / MODEL_FILENAME
    converted = convert_and_verify(signature, transform, config, samples, path, refused)
    found, described = converted.conversion.found, converted.report
    if converted.refusal:
        report = report_file(source, path, config, found, described, converted.warnings)
        rejected = dataclasses.replace(report, files=())  # nothing is served
        raise VerificationError(converted.refusal, rejected.to_json())
    begin(Phase.SAVING)
    if config.output.extra_filename:
        shutil.copyfile(path, serving_dir / config.output.extra_filename)
    _save_head(guarded(converted.conversion.split), destination / HEAD_DIR)
    app_dir, warnings = destination / APP_DIR, converted.warnings
    if config.HasField("app"):
        warnings = warnings + write_app_files(path, converted, config.app, samples, app_dir, prefix)
    return dataclasses.replace(
        report_file(source, path, config, found, described, warnings),
        app_files=tuple(sorted(file.name for file in app_dir.glob("*"))),
    )


def _check_extra_filename(serving_dir: pathlib.Path, name: str) -> None:
    if name and (serving_dir / name).exists():
        raise ConfigError(
            f"output.extra_filename: {name!r} is a file of the SavedModel, which is copied there. "
            "Choose another name."
        )


def _save_head(head: Head | None, path: pathlib.Path) -> None:
    if head is not None:
        tf.saved_model.save(head.resources, str(path), signatures=head.function)


def _copy_companions(
    source: pathlib.Path, serving_dir: pathlib.Path, config: config_pb2.TFLiteRewriterConfig
) -> None:
    """Copies asset files beside the model, and the SavedModel if the config asks for it."""
    if config.output.include_saved_model:
        # a Trainer may have written another TFLite model's head beside its SavedModel
        copy_folder(source, serving_dir, without=[HEAD_DIR])
        return
    serving_dir.mkdir()
    for name in ASSET_DIRS:
        # a SavedModel without assets has an empty folder for them
        if any((source / name).glob("*")):
            copy_folder(source / name, serving_dir / name)
