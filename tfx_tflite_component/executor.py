"""The executor: artifacts and config in, artifacts out."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import ExamplesError, SourceModelError, listed
from tfx_tflite_component.isolation import rewrite_isolated
from tfx_tflite_component.sampling import sample
from tfx_tflite_component.staging import local_copy, staged

MODEL_KEY = standard_component_specs.MODEL_KEY
EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY
CONFIG_KEY = "config"

_SPLIT = "eval"
_NUM_EXAMPLES = 200
_SEED = 0
_PAYLOAD_FORMAT = "FORMAT_TF_EXAMPLE"
_FILE_FORMATS = ("tfrecords_gzip", "tfrecords")


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
            input_dict: `model`, a Model artifact, and optionally `examples`, an Examples artifact.
            output_dict: `model`, the Model artifact to fill.
            exec_properties: Optionally `config`, a TFLiteRewriterConfig in its JSON or text form.

        Raises:
            RewriterError: What was refused, and why. The output artifact is then left as it was.
        """
        config = read_config(exec_properties.get(CONFIG_KEY))
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        output = artifact_utils.get_single_instance(output_dict[MODEL_KEY])
        source_uri = _saved_model_uri(model)
        with (
            local_copy(source_uri) as source,
            _sampled(input_dict.get(EXAMPLES_KEY)) as examples,
            staged(output.uri) as destination,
        ):
            report = rewrite_isolated(source, destination, config, examples)
        _describe(output, report, source_uri)


def _saved_model_uri(model: types.Artifact) -> str:
    try:
        return path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    except RuntimeError as e:  # several exporters, or several exports, in an Estimator's layout
        raise SourceModelError(
            f"The Model artifact at {model.uri} holds no single SavedModel: {e}. Keep one export "
            "in its serving folder."
        ) from e


@contextlib.contextmanager
def _sampled(examples: list[types.Artifact] | None) -> Iterator[pathlib.Path | None]:
    """A TFRecord file with a sample of the examples; None if there are none to sample."""
    if not examples:
        yield None
        return
    records = _sample(examples)
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-") as folder:
        path = pathlib.Path(folder, "examples.tfrecord")
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                writer.write(record)
        yield path


def _sample(examples: list[types.Artifact]) -> list[bytes]:
    for artifact in examples:
        _check_examples(artifact)
    patterns = examples_utils.get_split_file_patterns(examples, _SPLIT)
    files = [str(file) for pattern in patterns for file in fileio.glob(pattern)]
    records = sample(files, _NUM_EXAMPLES, _SEED) if files else []
    if not records:
        raise ExamplesError(
            f"Split {_SPLIT!r} of `examples` holds no example (looked for {listed(patterns)})."
        )
    return records


def _check_examples(artifact: types.Artifact) -> None:
    splits = artifact_utils.decode_split_names(artifact.split_names)
    if _SPLIT not in splits:
        raise ExamplesError(
            f"`examples` at {artifact.uri} has no split {_SPLIT!r}; it has {listed(splits)}."
        )
    payload = examples_utils.get_payload_format_string(artifact)
    if payload != _PAYLOAD_FORMAT:
        raise ExamplesError(
            f"`examples` at {artifact.uri} holds {payload}; only {_PAYLOAD_FORMAT} can be fed to a "
            "model. Leave `examples` out, or store tf.Examples."
        )
    file_format = examples_utils.get_file_format(artifact)
    if file_format not in _FILE_FORMATS:
        raise ExamplesError(
            f"`examples` at {artifact.uri} is stored as {file_format!r}; expected one of "
            f"{listed(_FILE_FORMATS)}."
        )


def _describe(output: types.Artifact, report: dict[str, Any], source_uri: str) -> None:
    """Says in ML Metadata what the model is."""
    model = report["model"]
    properties = {
        "boundary": report["boundary"],
        "quantization": report["quantization"],
        "size_bytes": model["size_bytes"],
        "sha256": model["sha256"],
        "op_set": model["op_set"],
        "tensorflow_version": report["tensorflow_version"],
        "source_model_uri": source_uri,
    }
    for name, value in properties.items():
        if isinstance(value, int):
            output.set_int_custom_property(name, value)
        else:
            output.set_string_custom_property(name, value)
