"""Converts a SavedModel into a verified TFLite model."""

import dataclasses
import pathlib
import shutil
import types
from collections.abc import Mapping

import tensorflow as tf

from tfx_tflite_component.app.c_array import unknown_to_micro, write_c_array
from tfx_tflite_component.app.golden import write_golden
from tfx_tflite_component.app.snippets import write_snippets
from tfx_tflite_component.app.vectors import Tolerances, make_golden
from tfx_tflite_component.artifact_layout import (
    APP_DIR,
    ASSET_DIRS,
    GOLDEN_JSON,
    HEAD_DIR,
    MODEL_FILENAME,
    SERVING_DIR,
)
from tfx_tflite_component.errors import ConfigError, ConversionError, VerificationError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model import (
    check_published_files,
    load_signature,
    load_transform,
)
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.quantization.auto import worst_ops
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.rewriting.acceptance import complaints, is_float, remedies
from tfx_tflite_component.rewriting.boundary_search import Conversion, Samples, convert_signature
from tfx_tflite_component.rewriting.findings import make_report
from tfx_tflite_component.rewriting.interface import check_interface
from tfx_tflite_component.split.head import Head
from tfx_tflite_component.split.narrow import guarded
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.storage.copy import copy_folder
from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.tflite.interpreter import TFLiteModel, why_not_runnable
from tfx_tflite_component.verification.calls import answered_calls
from tfx_tflite_component.verification.kernels import KernelComparison
from tfx_tflite_component.verification.latency import Latency, measure_latency
from tfx_tflite_component.verification.limits import Judgment, judge
from tfx_tflite_component.verification.measures import Verification
from tfx_tflite_component.verification.verify import verify

_BLAME_EXAMPLES = 32
# the name of the C array if the model has no name of its own
_STEM = "model"


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
    conversion = convert_signature(signature, transform, config, samples, path, refused)
    parts, found = conversion.split, conversion.found
    model = _runnable(path, found)
    begin(Phase.VERIFYING)
    judgment = _verified(signature, conversion, model, path, config, samples) if model else None
    # after the comparison: this may call the SavedModel, which changes its state
    narrowed = check_interface(parts, config, samples)
    warnings, verification = list(conversion.warnings), None
    if judgment:
        verification = judgment.verification
        warnings += complaints(judgment)
        if judgment.failures and config.verification.on_failure == config_pb2.Verification.FAIL:
            report = make_report(
                source, path, config, conversion, verification, None, narrowed, warnings
            )
            report = dataclasses.replace(report, files=())  # nothing is served
            raise VerificationError(
                f"{warnings[-1]} Nothing was published.{remedies(verification, config)}"
                f"{_blame(signature, conversion, config, samples)}",
                report.to_json(),
            )
    else:
        reason = why_not_runnable(found.op_set)
        warnings.append(f"The model was not verified, because it cannot be run here: {reason}.")
    begin(Phase.TIMING)
    latency = _latency(signature, parts, model, samples) if model else None
    begin(Phase.SAVING)
    if config.output.extra_filename:
        shutil.copyfile(path, serving_dir / config.output.extra_filename)
    _save_head(guarded(parts), destination / HEAD_DIR)
    app_dir = destination / APP_DIR
    if config.HasField("app"):
        app_dir.mkdir()
        warnings += _write_c_array(path, found, config.app, app_dir, prefix)
        if config.app.golden_vectors:
            file = app_dir / f"{prefix}{GOLDEN_JSON}"
            warnings += _write_golden(path, conversion, verification, config.app, samples, file)
        write_snippets(path, config.app.snippets, parts.computed, app_dir, prefix)
    report = make_report(
        source, path, config, conversion, verification, latency, narrowed, warnings
    )
    app_files = tuple(sorted(file.name for file in app_dir.glob("*")))
    return dataclasses.replace(report, app_files=app_files)


def _write_c_array(
    path: pathlib.Path,
    found: Inspection,
    app: config_pb2.App,
    folder: pathlib.Path,
    prefix: str,
) -> list[str]:
    """Writes the C array, if asked for; returns warnings."""
    if not app.c_array:
        return []
    write_c_array(path, found, folder, prefix.removesuffix(".") or _STEM)
    unknown = unknown_to_micro(found)
    if not unknown:
        return []
    return [
        f"TensorFlow Lite Micro has no op {listed(unknown)}, which the model needs: it cannot run "
        "there unless the app registers its own."
    ]


def _write_golden(
    path: pathlib.Path,
    conversion: Conversion,
    verification: Verification | None,
    app: config_pb2.App,
    samples: Samples,
    file: pathlib.Path,
) -> list[str]:
    """Writes the golden vectors; returns warnings."""
    if verification is None:
        reason = why_not_runnable(conversion.found.op_set)
        raise ConfigError(
            f"app.golden_vectors needs the outputs of the model, which cannot be run here: {reason}"
            ". Remove app.golden_vectors."
        )
    golden = make_golden(
        path,
        conversion.split,
        Tolerances(verification.kernel_errors, conversion.found.is_quantized),
        app.golden_vectors,
        samples.verification if app.golden_examples == config_pb2.App.REAL else None,
    )
    write_golden(golden, file)
    warnings = []
    if golden.not_covered:
        warnings.append(
            f"app.golden_vectors: {app.golden_vectors} golden vectors leave "
            f"{len(golden.not_covered)} cases out, such as {golden.not_covered[0]!r}. Ask for more."
        )
    if golden.hidden_inputs:
        warnings.append(
            f"The outputs of the golden vectors do not show a mistake in "
            f"{listed(golden.hidden_inputs)}: compare the inputs of an app as well."
        )
    return warnings


def _blame(
    signature: ConcreteFunction,
    conversion: Conversion,
    config: config_pb2.TFLiteRewriterConfig,
    samples: Samples,
) -> str:
    """Text that names the ops that cost an integer model its accuracy, and the remedy."""
    if config.quantization.mode != config_pb2.Quantization.FULL_INTEGER or not conversion.dataset:
        return ""
    examples = samples.calibration[:_BLAME_EXAMPLES]
    try:
        worst = worst_ops(signature, conversion.split, conversion.dataset, examples, config)
    except ConversionError:
        worst = []  # the model is still refused for the same reason; only the ops cannot be named
    if not worst:
        return " Try quantization.mode: AUTO."
    ops = [f"{cost.op} {cost.tensor!r} ({cost.sqnr_db:.1f} dB)" for cost in worst]
    return (
        f" Quantizing these ops alone costs most: {', '.join(ops)}. Try quantization.mode: AUTO, "
        "which repairs what they read, or leaves them in float."
    )


def _check_extra_filename(serving_dir: pathlib.Path, name: str) -> None:
    if name and (serving_dir / name).exists():
        raise ConfigError(
            f"output.extra_filename: {name!r} is a file of the SavedModel, which is copied there. "
            "Choose another name."
        )


def _runnable(path: pathlib.Path, found: Inspection) -> TFLiteModel | None:
    """The model, ready to run; None if Python's interpreter cannot run its ops."""
    if why_not_runnable(found.op_set):
        return None
    return TFLiteModel(path, needs_select_tf_ops=found.needs_select_tf_ops)


def _verified(
    signature: ConcreteFunction,
    conversion: Conversion,
    model: TFLiteModel,
    path: pathlib.Path,
    config: config_pb2.TFLiteRewriterConfig,
    samples: Samples,
) -> Judgment:
    """Compares a model with the SavedModel, and judges the result."""
    found = conversion.found
    is_quantized = not is_float(config, found)
    kernels = None
    # a model with Select TF ops has one set of kernels only
    if not found.needs_select_tf_ops:
        kernels = KernelComparison(TFLiteModel(path, own_kernels=True), not is_quantized)
    ranges = conversion.dataset.ranges if conversion.dataset else {}
    verification = verify(
        signature,
        conversion.split,
        model,
        samples.verification,
        kernels,
        {name: (limits.min, limits.max) for name, limits in ranges.items()},
        is_float=not is_quantized,
    )
    return judge(verification, config.verification, not is_quantized)


def _latency(
    signature: ConcreteFunction, parts: Split, model: TFLiteModel, samples: Samples
) -> Latency:
    first = next(answered_calls(signature, parts, samples.verification))
    return measure_latency(model, first.call.taken, batched=parts.batched)


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
