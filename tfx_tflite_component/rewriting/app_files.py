"""Writes the files for the developers of an app."""

import pathlib

from tfx_tflite_component.app.c_array import unknown_to_micro, write_c_array
from tfx_tflite_component.app.golden import write_golden
from tfx_tflite_component.app.snippets import write_snippets
from tfx_tflite_component.app.vectors import Tolerances, make_golden
from tfx_tflite_component.artifact_layout import C_ARRAY_STEM, GOLDEN_JSON
from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.rewriting.boundary_search import Samples
from tfx_tflite_component.rewriting.signature import Converted
from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.tflite.interpreter import why_not_runnable


def write_app_files(
    path: pathlib.Path,
    converted: Converted,
    app: config_pb2.App,
    samples: Samples,
    folder: pathlib.Path,
    prefix: str,
) -> tuple[list[str], dict[str, str]]:
    """Writes the files for an app that the config asks for.

    Args:
        path: The `.tflite` file.
        converted: Its signature.
        app: What the config asks for.
        samples: The examples.
        folder: The folder to make.
        prefix: What the names of the files begin with.

    Returns:
        Warnings for the user, and the code that calls the model, by the name of its file.

    Raises:
        ConfigError: Golden vectors are asked for, and the model cannot be run here.
    """
    folder.mkdir()
    warnings = _write_c_array(path, converted.conversion.found, app, folder, prefix)
    if app.golden_vectors:
        warnings += _write_golden(path, converted, app, samples, folder / f"{prefix}{GOLDEN_JSON}")
    computed = converted.conversion.split.computed
    return warnings, write_snippets(path, app.snippets, computed, folder, prefix)


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
    write_c_array(path, found, folder, prefix.removesuffix(".") or C_ARRAY_STEM)
    unknown = unknown_to_micro(found)
    if not unknown:
        return []
    return [
        f"TensorFlow Lite Micro has no op {listed(unknown)}, which the model needs: it cannot run "
        "there unless the app registers its own."
    ]


def _write_golden(
    path: pathlib.Path,
    converted: Converted,
    app: config_pb2.App,
    samples: Samples,
    file: pathlib.Path,
) -> list[str]:
    """Writes the golden vectors; returns warnings."""
    conversion, verification = converted.conversion, converted.report.verification
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
