"""Writes the files for the developers of an app."""

import pathlib
import urllib.parse
from collections.abc import Mapping

from tfx_tflite_component.app.c_array import unknown_to_micro, write_c_array
from tfx_tflite_component.app.golden import write_golden
from tfx_tflite_component.app.snippets import call_code
from tfx_tflite_component.app.vectors import Tolerances, make_golden
from tfx_tflite_component.artifact_layout import C_ARRAY_STEM, GOLDEN_JSON, MODEL_FILENAME
from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.rewriting.boundary_search import Samples
from tfx_tflite_component.rewriting.signature import Converted
from tfx_tflite_component.tflite.inspection import Inspection, inspect
from tfx_tflite_component.tflite.interpreter import why_not_runnable


def write_app_files(
    path: pathlib.Path,
    converted: Mapping[str, Converted],
    app: config_pb2.App,
    samples: Samples,
    folder: pathlib.Path,
    prefix: str,
) -> tuple[list[str], dict[str, str]]:
    """Writes the files for an app that the config asks for.

    Each of several signatures gets golden vectors and code of its own, in files named after it.

    Args:
        path: The `.tflite` file.
        converted: Its signatures by key.
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
    warnings = _write_c_array(path, inspect(path), app, folder, prefix)
    snippets: dict[str, str] = {}
    for key, one in converted.items():
        # a key may have characters that the name of a file cannot have
        name = f"{urllib.parse.quote(key, safe='')}." if len(converted) > 1 else ""
        if app.golden_vectors:
            file = folder / f"{prefix}{name}{GOLDEN_JSON}"
            found = _write_golden(path, key, one, app, samples, file)
            warnings += [f"Signature {key!r}: {text}" if name else text for text in found]
        metadata, computed = one.conversion.metadata, one.conversion.split.computed
        labels = {output.name: output.labels for output in metadata.outputs} if metadata else {}
        code = call_code(f"{prefix}{MODEL_FILENAME}", path, key, app.snippets, computed, labels)
        snippets |= {f"{prefix}{name}{file}": text for file, text in code.items()}
    for filename, text in snippets.items():
        (folder / filename).write_text(text, encoding="utf-8")
    return warnings, snippets


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
    key: str,
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
        key,
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
