"""Conversion without a pipeline: one function for each kind of source.

All of them do the same as the component, with the same config, checks and report.
"""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.config import (
    given_config,
)
from tfx_tflite_component.config_checks import check_files, check_transform_graph, is_calibrated
from tfx_tflite_component.errors import ConfigError, SourceModelError
from tfx_tflite_component.graph.saved_model_files import check_is_saved_model
from tfx_tflite_component.keras_files.export import export_keras_model
from tfx_tflite_component.proto.tflite_rewriter_pb2 import (
    Quantization,
    TFLiteRewriterConfig,
)
from tfx_tflite_component.report.page import write_report
from tfx_tflite_component.report.publish import rejected_report_in
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.samples.files import check_local_files
from tfx_tflite_component.standalone.destination import (
    arrange,
    check_apart,
    check_output,
    destination_of,
)
from tfx_tflite_component.standalone.examples import Examples, Path, files_of_samples
from tfx_tflite_component.storage.publish import local_copy, staged
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.worker.client import rewrite_in_worker
from tfx_tflite_component.worker.process import Worker

if TYPE_CHECKING:
    from tfx_tflite_component.graph.flat_graph import ConcreteFunction

Config: TypeAlias = TFLiteRewriterConfig | Mapping[str, Any] | str | None


def rewrite_saved_model(
    source: Path,
    destination: Path,
    config: Config = None,
    examples: Examples | None = None,
    transform_graph: Path | None = None,
    calibration_examples: Examples | None = None,
    import_modules: Sequence[str] = (),
) -> dict[str, Any]:
    """Converts a SavedModel into a TFLite model.

    `destination` gets the files `tflite`, `report.json` and `report.html`, the SavedModel's assets
    and, in `head`, a SavedModel that computes the model's inputs from serialized `tf.Example`s.
    Files of an earlier conversion there are replaced; all other files are kept. If `destination`
    is a file `name.tflite`, that is the model, and the others are beside it: `name.report.json` and
    so on.

    Args:
        source: The folder of the SavedModel, on any file system that TensorFlow knows.
        destination: The folder to write to, on any such file system, or a file that ends in
            `.tflite`.
        config: The config: the message, its JSON form as a mapping or a string, or its text format.
        examples: Patterns of files with examples that the SavedModel takes, to compare the two
            models on and to calibrate with: TFRecord files, which are compressed if they end in
            `.gz`, or tables, which end in `.csv`, `.csv.gz`, `.parquet`, `.npz` or `.npy`. No
            example is used for both. Without them, the models are compared on random inputs.
        transform_graph: The folder of TF Transform's output that the model was trained with, for
            the names of the inputs at TRANSFORMED_FEATURES.
        calibration_examples: Patterns of other files to calibrate with, for the modes of
            quantization that are calibrated; then all of `examples` are used for the comparison.
        import_modules: Modules to import before the model is loaded, besides those of the config's
            `import_modules`: libraries with ops of their own, such as "tensorflow_text".

    Returns:
        The report, as `report.json` has it.

    Raises:
        VerificationError: The model exceeds its limits. `destination` then holds its report and no
            model; if an earlier model is there, or the destination is a file, the report is in a
            folder beside it.
        RewriterError: Another error; `destination` is then unchanged.
    """
    with Worker() as worker:
        settings = given_config(config)
        settings.import_modules.extend(import_modules)
        report = rewrite_by(
            worker, source, destination, settings, examples, transform_graph, calibration_examples
        )
    return report.to_json()


def rewrite_by(
    worker: Worker,
    source: Path,
    destination: Path,
    config: Config = None,
    examples: Examples | None = None,
    transform_graph: Path | None = None,
    calibration_examples: Examples | None = None,
    is_keras_file: bool = False,
) -> Report:
    """Like `rewrite_saved_model`, on a worker that is already running.

    With `is_keras_file`, the source is a local file that Keras saved.
    """
    settings = given_config(config)
    check_files(settings, given=examples is not None)
    _check_calibration_examples(settings, given=calibration_examples is not None)
    check_transform_graph(settings, given=transform_graph is not None)
    source_uri, target = os.fspath(source), destination_of(os.fspath(destination))
    check_output(target, settings.output)
    check_apart(source_uri, target, settings.output)
    files = {} if examples is None else files_of_samples(examples, settings, calibration_examples)
    check_local_files(files.values())
    with contextlib.ExitStack() as stack:
        local_source = stack.enter_context(local_copy(source_uri))
        if not is_keras_file:
            check_is_saved_model(local_source)
        folder = stack.enter_context(staged(target.folder, owned=target.earlier()))
        local_graph = None
        if transform_graph is not None:
            local_graph = stack.enter_context(local_copy(os.fspath(transform_graph)))
        with rejected_report_in(target.rejected):
            report = rewrite_in_worker(
                worker,
                local_source,
                folder,
                settings,
                files,
                local_graph,
                is_keras_file,
                target.prefix,
            )
        arrange(folder, target.prefix)
        served = tuple(f"{target.prefix}{name}" for name in report.files)
        report = dataclasses.replace(report, files=served)
        write_report(report, folder, target.prefix)
    return report


def rewrite_keras_model(
    model: Any,
    destination: Path,
    config: Config = None,
    examples: Examples | None = None,
    calibration_examples: Examples | None = None,
) -> dict[str, Any]:
    """Converts a Keras model in memory, of Keras 3 or of tf_keras, into a TFLite model.

    Inputs and outputs have the same names as after `model.export`: inputs are named after the input
    layers, or `args_0` and so on for a model without input layers; outputs are named after the keys
    of a dict, or `output_0` and so on.

    Args:
        model: The model, built or called before, so that its inputs are known.
        destination: As for `rewrite_saved_model`, like the arguments that follow.
        config: As there.
        examples: As there; a `tf.Example` holds a feature for each input.
        calibration_examples: As there.

    Returns:
        The report.

    Raises:
        SourceModelError: Keras cannot export the model.
        RewriterError: What else was refused, and why.
    """
    with scratch() as folder:
        saved_model = folder / "saved_model"
        export_keras_model(model, saved_model)
        return rewrite_saved_model(
            saved_model, destination, config, examples, calibration_examples=calibration_examples
        )


def rewrite_keras_file(
    path: Path,
    destination: Path,
    config: Config = None,
    examples: Examples | None = None,
    calibration_examples: Examples | None = None,
) -> dict[str, Any]:
    """Rewrites a Keras model in a file into a TFLite model.

    Args:
        path: A local `.keras` or `.h5` file, of Keras 3 or of Keras 2, or the folder of a
            SavedModel, as Keras 2 saved models.
        destination: As for `rewrite_saved_model`, like the arguments that follow.
        config: As there.
        examples: As for `rewrite_keras_model`; for a folder, as for `rewrite_saved_model`.
        calibration_examples: As there.

    Returns:
        The report.

    Raises:
        SourceModelError: There is no such model, it cannot be read, or it holds Python code.
        RewriterError: What else was refused, and why.
    """
    with Worker() as worker:
        return rewrite_keras_file_by(
            worker, path, destination, config, examples, calibration_examples
        ).to_json()


def rewrite_keras_file_by(
    worker: Worker,
    path: Path,
    destination: Path,
    config: Config = None,
    examples: Examples | None = None,
    calibration_examples: Examples | None = None,
) -> Report:
    """Like `rewrite_keras_file`, on a worker that is already running."""
    if not os.fspath(path):
        raise SourceModelError("There is no Keras model ''. Name a .keras or .h5 file.")
    return rewrite_by(
        worker,
        path,
        destination,
        config,
        examples,
        calibration_examples=calibration_examples,
        is_keras_file=not os.path.isdir(path),
    )


def rewrite_concrete_function(
    function: "ConcreteFunction",
    destination: Path,
    config: Config = None,
    examples: Examples | None = None,
    trackable: Any = None,
    calibration_examples: Examples | None = None,
) -> dict[str, Any]:
    """Converts a concrete function into a TFLite model.

    Args:
        function: The result of `tf.function(...).get_concrete_function(...)`. Its inputs and
            outputs are named as in a signature of a SavedModel.
        destination: As for `rewrite_saved_model`, like the arguments that follow.
        config: As there, without `signature_key`, because there is only one function.
        examples: As there.
        trackable: The module, or other object that TensorFlow can save, that holds the tables and
            files that the function uses; variables are found without it.
        calibration_examples: As for `rewrite_saved_model`.

    Returns:
        The report.

    Raises:
        SourceModelError: TensorFlow cannot save the function.
        RewriterError: What else was refused, and why.
    """
    settings = given_config(config)
    if settings.signature_keys or settings.signature_key not in ("", SIGNATURE_KEY):
        raise ConfigError(
            "signature_key has no effect on a concrete function, which is the one that is "
            "converted. Leave it out, and signature_keys as well."
        )
    with scratch() as folder:
        saved_model = folder / "saved_model"
        try:
            _save(function, trackable, saved_model)
        except Exception as e:  # TensorFlow raises nearly anything
            raise SourceModelError(
                f"TensorFlow cannot save the {type(function).__name__}: {e}. Pass the "
                "result of get_concrete_function, and as `trackable` the object that holds its "
                "tables and files."
            ) from e
        return rewrite_saved_model(
            saved_model, destination, config, examples, calibration_examples=calibration_examples
        )


def _save(function: "ConcreteFunction", trackable: Any, path: pathlib.Path) -> None:
    import tensorflow as tf

    # TensorFlow refuses to save a function that uses what nothing holds
    holder = tf.Module()
    holder.held = [*function.variables, *([] if trackable is None else [trackable])]
    tf.saved_model.save(holder, str(path), signatures={SIGNATURE_KEY: function})


def _check_calibration_examples(config: TFLiteRewriterConfig, given: bool) -> None:
    if given and not is_calibrated(config):
        mode = Quantization.Mode.Name(config.quantization.mode)
        raise ConfigError(
            f"`calibration_examples` has no effect with quantization.mode: {mode}, which is not "
            "calibrated. Remove it, or use FULL_INTEGER or INT16_ACTIVATIONS."
        )
