"""The executor: artifacts and config in, artifacts out."""

import contextlib
import json
import logging
import math
import os
import pathlib
import shutil
from contextlib import AbstractContextManager
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils

from tfx_tflite_component.artifact_layout import APP_DIR, HEAD_DIR, SERVING_DIR
from tfx_tflite_component.components.examples_artifacts import files_of_splits
from tfx_tflite_component.config import given_config, with_defaults
from tfx_tflite_component.config_checks import check_examples, check_transform_graph
from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.report.publish import beside, publish_report, rejected_report_in
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.samples.files import Files, settings_of_samples
from tfx_tflite_component.storage.copy import copy_files
from tfx_tflite_component.storage.publish import local_copy, staged
from tfx_tflite_component.worker.client import rewrite_in_worker
from tfx_tflite_component.worker.process import Worker

MODEL_KEY = standard_component_specs.MODEL_KEY
EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY
TRANSFORM_GRAPH_KEY = standard_component_specs.TRANSFORM_GRAPH_KEY
REPORT_KEY = "report"
CONFIG_KEY = "config"

_log = logging.getLogger(__name__)


class Executor(base_executor.BaseExecutor):
    """Executes `TFLiteRewriter`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Rewrites the SavedModel of a Model artifact into a TFLite model.

        Args:
            input_dict: `model`, a Model artifact, and optionally `examples`, Examples artifacts,
                and `transform_graph`, a TransformGraph artifact.
            output_dict: `model`, the Model artifact to fill, and optionally `report`, the
                TFLiteReport artifact to fill.
            exec_properties: Optionally `config`, a TFLiteRewriterConfig in its JSON or text form.

        Raises:
            VerificationError: The model exceeds its limits; the message says where its report is.
            RewriterError: Another error; the output model is then unchanged.
        """
        config = given_config(exec_properties.get(CONFIG_KEY))
        examples = input_dict.get(EXAMPLES_KEY) or []
        check_examples(config, given=bool(examples))
        transforms = input_dict.get(TRANSFORM_GRAPH_KEY) or []
        check_transform_graph(config, given=bool(transforms))
        source_uri = _saved_model_uri(artifact_utils.get_single_instance(input_dict[MODEL_KEY]))
        output = artifact_utils.get_single_instance(output_dict[MODEL_KEY])
        with (
            Worker() as worker,
            local_copy(source_uri) as source,
            staged(output.uri, owned=[HEAD_DIR]) as destination,
            _local_transform_graph(transforms) as transform_graph,
        ):
            files = _files(examples, with_defaults(config))
            # TFX discards what a failed component wrote
            with rejected_report_in(beside(output.uri)):
                report = rewrite_in_worker(
                    worker, source, destination, config, files, transform_graph
                )
            # before the model, so that there is never a model without a report
            app_dir = destination / APP_DIR
            for artifact in output_dict.get(REPORT_KEY, []):
                publish_report(report, artifact.uri, app_dir)
            if config.app.push:
                copy_files(app_dir, destination / SERVING_DIR)
            shutil.rmtree(app_dir, ignore_errors=True)
        for warning in report.warnings:
            _log.warning(warning)
        _describe(output, report, source_uri)


def _local_transform_graph(
    transforms: list[types.Artifact],
) -> AbstractContextManager[pathlib.Path | None]:
    if not transforms:
        return contextlib.nullcontext()
    return local_copy(artifact_utils.get_single_uri(transforms))


def _saved_model_uri(model: types.Artifact) -> str:
    # an Importer may point at the SavedModel itself
    if fileio.exists(os.path.join(model.uri, "saved_model.pb")):
        return model.uri
    try:
        return path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    except RuntimeError as e:  # several exporters, or several exports, in an Estimator's layout
        raise SourceModelError(
            f"The Model artifact at {model.uri} does not hold exactly one SavedModel: {e}. Keep "
            "one export in its serving folder."
        ) from e


def _files(examples: list[types.Artifact], config: TFLiteRewriterConfig) -> dict[str, Files]:
    """The files that each sample is drawn from."""
    if not examples:
        return {}
    return {
        name: files_of_splits(examples, f"{name}.splits", list(settings.splits))
        for name, settings in settings_of_samples(config).items()
    }


def _describe(output: types.Artifact, report: Report, source_uri: str) -> None:
    """Sets the custom properties of the model in ML Metadata."""
    model = report.model
    properties = {
        "boundary": report.boundary,
        "config": json.dumps(report.config, sort_keys=True),
        "quantization": report.config["quantization"].get("mode", "NONE"),
        "sha256": model.sha256,
        "op_set": model.op_set,
        "tensorflow_version": report.versions["tensorflow"],
        "source_model_uri": source_uri,
    }
    for name, value in properties.items():
        output.set_string_custom_property(name, value)
    output.set_int_custom_property("size_bytes", model.size_bytes)
    for name, figure in _figures(report).items():
        output.set_float_custom_property(name, figure)


def _figures(report: Report) -> dict[str, float]:
    """Figures to compare runs by, each of the worst output."""
    compared = [signature.verification for signature in report.signatures]
    outputs = [output for one in compared if one for output in one.outputs.values()]
    worst = {
        "max_abs_error": max((output.max_abs_error for output in outputs), default=None),
        "sqnr_db": min((o.sqnr_db for o in outputs if o.sqnr_db is not None), default=None),
        "argmax_agreement": min(
            (o.argmax_agreement for o in outputs if o.argmax_agreement is not None), default=None
        ),
        "latency_ms": report.latency.percentiles_ms["50"] if report.latency else None,
    }
    # ML Metadata takes no infinities from JSON, and other tools none from SQL
    return {name: v for name, v in worst.items() if v is not None and math.isfinite(v)}
