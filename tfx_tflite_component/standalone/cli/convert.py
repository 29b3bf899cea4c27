"""`tfx-tflite convert`: converts models to TFLite models."""

import functools
import os
import pathlib
from typing import TYPE_CHECKING, Any

import click

from tfx_tflite_component.artifact_layout import is_model_file
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.options import (
    command,
    config_of,
    config_options,
    examples_option,
)

if TYPE_CHECKING:
    from tfx_tflite_component.report.schema import Report

_KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")


@command("convert")
@click.argument("sources", metavar="SAVED_MODEL_DIR...", nargs=-1)
@click.argument("output", metavar="OUTPUT")
@click.option(
    "--keras-model",
    "keras_models",
    metavar="FILE",
    multiple=True,
    help="A Keras model instead of SAVED_MODEL_DIR: .keras, .h5 or a legacy folder.",
)
@config_options
@examples_option(
    "Files of examples for the comparison and for calibration: TFRecord, CSV, Parquet or NumPy "
    "(default: random inputs)."
)
@examples_option(
    "Other examples to calibrate with (default: a part of --examples that is not compared on).",
    name="--calibration-examples",
)
def convert(
    sources: tuple[str, ...],
    output: str,
    keras_models: tuple[str, ...],
    examples: tuple[str, ...],
    calibration_examples: tuple[str, ...],
    as_json: bool,
    **config: Any,
) -> int:
    """Convert a SavedModel or Keras model, verify the TFLite model, and write a report.

    OUTPUT is a file that ends in .tflite, with its report and other files beside it, or a folder.
    A folder gets the files tflite, report.json and report.html, the assets, and head/, which makes
    the model's inputs from tf.Examples. With several models, each gets a folder of its own in
    OUTPUT.
    """
    context = click.get_current_context()
    if not sources and not keras_models:
        raise click.UsageError("Missing argument 'OUTPUT'.", context)
    settings = config_of(**config)
    results = {
        "config": settings,
        "examples": list(examples) or None,
        "calibration_examples": list(calibration_examples) or None,
    }
    models = _models(sources, keras_models)
    destinations = _destinations([name for name, _ in models], output)
    reports: list[dict[str, Any]] = []
    codes = [
        terminal.outcome(
            functools.partial(_convert, *model, folder, results, as_json, reports),
            debug=context.params["debug"],
        )
        for model, folder in zip(models, destinations, strict=True)
    ]
    if as_json and reports:
        terminal.show_json(reports[0] if len(models) == 1 else reports)
    return max(codes)


def _models(sources: tuple[str, ...], keras_models: tuple[str, ...]) -> list[tuple[str, bool]]:
    """The models, and whether each is a Keras model."""
    by_name = [(name, pathlib.Path(name).suffix in _KERAS_SUFFIXES) for name in sources]
    return [*by_name, *((name, True) for name in keras_models)]


def _destinations(names: list[str], output: str) -> list[str]:
    """The folder, or the file, of each model's results."""
    if len(names) == 1:
        return [output]
    if is_model_file(output):
        raise ConfigError(
            f"{output} is one file, and {len(names)} models are named. Name a folder for them."
        )
    stems = [pathlib.PurePath(name.rstrip("/")).stem for name in names]
    for stem in stems:
        if stems.count(stem) > 1:
            raise ConfigError(
                f"Two models are called {stem!r}, and each gets a folder of that name in {output}. "
                "Convert them one by one."
            )
    return [os.path.join(output, stem) for stem in stems]


def _convert(
    source: str,
    is_keras: bool,
    destination: str,
    results: dict[str, Any],
    as_json: bool,
    reports: list[dict[str, Any]],
) -> int:
    report = _rewritten(source, is_keras, destination, results)
    from tfx_tflite_component.standalone.destination import destination_of

    place = destination_of(destination)
    if as_json:
        reports.append({"output_dir": place.folder, **report.to_json()})
        return terminal.OK
    from tfx_tflite_component.report.text import describe_report

    lines = [f"{destination}:", *describe_report(report), f"  report           {place.page}"]
    terminal.show(lines)
    return terminal.OK


def _rewritten(source: str, is_keras: bool, destination: str, results: dict[str, Any]) -> "Report":
    from tfx_tflite_component.standalone import rewrite

    with rewrite.Worker() as worker:
        rewrite_by = rewrite.rewrite_keras_file_by if is_keras else rewrite.rewrite_by
        return rewrite_by(worker, source, destination, **results)
