"""The files of Examples artifacts."""

from tfx import types
from tfx.components.util import examples_utils
from tfx.types import artifact_utils

from tfx_tflite_component.errors import ExamplesError, listed
from tfx_tflite_component.samples.files import Files

_PAYLOAD_FORMAT = "FORMAT_TF_EXAMPLE"
_FILE_FORMATS = ("tfrecords_gzip", "tfrecords")


def files_of_splits(examples: list[types.Artifact], field: str, splits: list[str]) -> Files:
    """The files of some splits.

    Args:
        examples: Examples artifacts.
        field: The field of the config that names the splits, for messages.
        splits: The splits.

    Raises:
        ExamplesError: An artifact lacks a split, or holds no tf.Examples.
    """
    for artifact in examples:
        _check_examples(field, splits, artifact)
    patterns = [
        pattern
        for split in splits
        for pattern in examples_utils.get_split_file_patterns(examples, split)
    ]
    return Files(f"{field}: {listed(splits)}", patterns)


def _check_examples(field: str, splits: list[str], artifact: types.Artifact) -> None:
    available = artifact_utils.decode_split_names(artifact.split_names)
    missing = [split for split in splits if split not in available]
    if missing:
        raise ExamplesError(
            f"{field}: `examples` at {artifact.uri} has no split {listed(missing)}; it has "
            f"{listed(available)}. Set {field} to splits that are there."
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
