"""Converts a SavedModel into a verified TFLite model."""

import dataclasses
import functools
import pathlib
import shutil
import types
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.app.preprocessing import with_steps
from tfx_tflite_component.artifact_layout import (
    APP_DIR,
    ASSET_DIRS,
    HEAD_DIR,
    MODEL_FILENAME,
    SERVING_DIR,
    SIGNATURE_KEY,
)
from tfx_tflite_component.config import signature_keys
from tfx_tflite_component.errors import ConfigError, VerificationError
from tfx_tflite_component.graph.saved_model import (
    check_published_files,
    load_signatures,
    load_transform,
)
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.rewriting.app_files import write_app_files
from tfx_tflite_component.rewriting.boundary_search import Samples
from tfx_tflite_component.rewriting.findings import report_file
from tfx_tflite_component.rewriting.several_signatures import convert_signatures
from tfx_tflite_component.rewriting.signature import Converted, convert_and_verify
from tfx_tflite_component.split.head import Head
from tfx_tflite_component.split.narrow import guarded
from tfx_tflite_component.storage.copy import copy_folder
from tfx_tflite_component.tflite.inspection import inspect


def rewrite(
    source: pathlib.Path,
    destination: pathlib.Path,
    config: config_pb2.TFLiteRewriterConfig,
    samples: Samples,
    transform_graph: pathlib.Path | None = None,
    refused: Mapping[str, Mapping[str, str]] = types.MappingProxyType({}),
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
        refused: Boundaries that another process has tried, and why they failed, by signature; the
            key is empty without `signature_keys`.
        prefix: What the names of the files for an app begin with.

    Raises:
        VerificationError: The model exceeds its limits; the error has the report.
        RewriterError: Another error; `destination` is then incomplete.
    """
    check_published_files(source, [""] if config.output.include_saved_model else ASSET_DIRS)
    begin(Phase.LOADING)
    signatures = load_signatures(source, signature_keys(config), config.trusted_ops)
    transform = load_transform(transform_graph, config.trusted_ops) if transform_graph else None
    serving_dir = destination / SERVING_DIR
    _copy_companions(source, serving_dir, config)
    _check_extra_filename(serving_dir, config.output.extra_filename)
    path = serving_dir / MODEL_FILENAME
    if config.signature_keys:
        converted = convert_signatures(signatures, transform, config, samples, path, refused)
    else:
        (signature,) = signatures.values()
        known = refused.get("", {})
        converted = [convert_and_verify(signature, transform, config, samples, path, known)]
    converted = [_with_steps(one, source / ASSET_DIRS[0]) for one in converted]
    report = functools.partial(_report, source, path, config, converted)
    if refusals := [one.refusal for one in converted if one.refusal]:
        rejected = dataclasses.replace(report(), files=())  # nothing is served
        raise VerificationError("\n".join(refusals), rejected.to_json())
    begin(Phase.SAVING)
    if config.output.extra_filename:
        shutil.copyfile(path, serving_dir / config.output.extra_filename)
    keys = config.signature_keys or [SIGNATURE_KEY]
    heads = [guarded(one.conversion.split) for one in converted]
    _save_heads(dict(zip(keys, heads, strict=True)), destination / HEAD_DIR)
    app_dir = destination / APP_DIR
    app_warnings: list[str] = []
    snippets: dict[str, str] = {}
    if config.HasField("app"):
        signatures_by_key = dict(zip(keys, converted, strict=True))
        app_warnings, snippets = write_app_files(
            path, signatures_by_key, config.app, samples, app_dir, prefix
        )
    app_files = tuple(sorted(file.name for file in app_dir.glob("*")))
    return dataclasses.replace(report(app_warnings), app_files=app_files, snippets=snippets)


def _with_steps(one: Converted, assets: pathlib.Path) -> Converted:
    """A conversion with the steps that compute what an app has to compute."""
    computed = with_steps(one.conversion.split, assets)
    split = dataclasses.replace(one.conversion.split, computed=computed)
    return dataclasses.replace(
        one,
        conversion=dataclasses.replace(one.conversion, split=split),
        report=dataclasses.replace(one.report, computed_inputs=computed),
    )


def _report(
    source: pathlib.Path,
    path: pathlib.Path,
    config: config_pb2.TFLiteRewriterConfig,
    converted: Sequence[Converted],
    further_warnings: Sequence[str] = (),
) -> Report:
    found = inspect(path) if config.signature_keys else converted[0].conversion.found
    warnings = [warning for one in converted for warning in one.warnings]
    reports = [one.report for one in converted]
    report = report_file(source, path, config, found, reports, [*warnings, *further_warnings])
    return dataclasses.replace(report, metadata=converted[0].conversion.metadata)


def _check_extra_filename(serving_dir: pathlib.Path, name: str) -> None:
    if name and (serving_dir / name).exists():
        raise ConfigError(
            f"output.extra_filename: {name!r} is a file of the SavedModel, which is copied there. "
            "Choose another name."
        )


def _save_heads(heads: Mapping[str, Head | None], path: pathlib.Path) -> None:
    """Saves heads as one SavedModel, whose signatures have the keys of the model's."""
    known = {key: head for key, head in heads.items() if head is not None}
    if known:
        holder = tf.Module()
        holder.held = [head.resources for head in known.values()]
        functions = {key: head.function for key, head in known.items()}
        tf.saved_model.save(holder, str(path), signatures=functions)


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
