"""Comparison of a TFLite model with the model that it came from, without a pipeline."""

import os
from typing import Any

from tfx_tflite_component.config import as_json, given_config, with_defaults
from tfx_tflite_component.config_checks import check_files
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.graph.saved_model_files import check_is_saved_model
from tfx_tflite_component.json_form import to_json
from tfx_tflite_component.report.schema import ComparisonReport
from tfx_tflite_component.samples.files import check_local_files
from tfx_tflite_component.standalone.examples import Examples, Path, files_of_samples
from tfx_tflite_component.standalone.rewrite import Config
from tfx_tflite_component.storage.publish import local_copy
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.protocol import COMPARE, CompareRequest


def compare_models(
    source: Path, model: Path, examples: Examples | None = None, config: Config = None
) -> dict[str, Any]:
    """Compares a TFLite model with the SavedModel that it came from, or with another TFLite model.

    Args:
        source: The folder of the SavedModel, or a `.tflite` file.
        model: The `.tflite` file.
        examples: Patterns of files with examples that the SavedModel takes. Without
            them, the models are compared on random inputs, as two TFLite models always are.
        config: The signature, the boundary and the limits of `verification`.

    Returns:
        `boundary` and `verification` as in a report, and `failures`, the limits that were exceeded.

    Raises:
        RewriterError: One of the models cannot be read or run, or they do not belong together.
    """
    with Worker() as worker:
        return to_json(compare_by(worker, source, model, examples, config))


def compare_by(
    worker: Worker,
    source: Path,
    model: Path,
    examples: Examples | None = None,
    config: Config = None,
) -> ComparisonReport:
    """Like `compare_models`, on a worker that is already running."""
    settings = given_config(config)
    check_files(settings, given=True)
    if settings.signature_keys:
        raise ConfigError(
            f"signature_keys: {list(settings.signature_keys)} has no effect on a comparison, which "
            "is of one signature. Set signature_key to one of them."
        )
    is_file = os.path.isfile(source)
    if is_file and examples is not None:
        raise ConfigError(
            f"{os.fspath(source)} is a file: two TFLite models are compared on random inputs, and "
            "`examples` would have no effect. Remove them, or name the folder of a SavedModel."
        )
    # the model is already converted, so nothing is calibrated
    settings.ClearField("quantization")
    settings.ClearField("calibration")
    files = {} if examples is None else files_of_samples(examples, settings)
    check_local_files(files.values())
    with local_copy(os.fspath(source)) as local_source:
        if not is_file:
            check_is_saved_model(local_source)
        request = CompareRequest(
            source=str(local_source.absolute()),
            model=os.path.abspath(model),
            config=as_json(settings),
            files=files,
        )
        return worker.ask(COMPARE, request, with_defaults(settings).time_limit_seconds)
