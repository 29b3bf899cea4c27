"""Samples of the examples that are stored in TFRecord files."""

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import tensorflow as tf

from tfx_tflite_component.config import DEFAULT_NUM_EXAMPLES, is_calibrated
from tfx_tflite_component.errors import ExamplesError, listed
from tfx_tflite_component.proto.tflite_rewriter_pb2 import (
    Calibration,
    TFLiteRewriterConfig,
    Verification,
)
from tfx_tflite_component.storage.storage_errors import storage_errors
from tfx_tflite_component.tensorflow_errors import reason

_CANDIDATES_PER_EXAMPLE = 4
# Each is an open file, of which a process may have some hundreds.
_MOST_AT_ONCE = 256
_VERIFICATION_SEED = 0
# RFC 1952, section 2.3.1
_GZIP = b"\x1f\x8b"

_log = logging.getLogger(__name__)

Settings: TypeAlias = Calibration | Verification


class Files(NamedTuple):
    """The files to take a sample from.

    Attributes:
        name: What they are called in messages.
        patterns: Their patterns.
    """

    name: str
    patterns: Sequence[str]


def settings_of_samples(config: TFLiteRewriterConfig) -> dict[str, Settings]:
    """What examples are sampled for: the settings by the fields of `rewriting.Samples`.

    Args:
        config: The config, as `read_config` gives it.
    """
    if is_calibrated(config):
        return {"verification": config.verification, "calibration": config.calibration}
    return {"verification": config.verification}


def draw_samples(
    config: TFLiteRewriterConfig, files: Mapping[str, Files]
) -> dict[str, list[bytes]]:
    """Samples what a config asks for.

    Args:
        config: The config, as `read_config` gives it.
        files: The files for each of `settings_of_samples`; none where there are no examples.

    Returns:
        Serialized `tf.Example`s by the fields of `rewriting.Samples`.

    Raises:
        ExamplesError: There is no example, or a file cannot be read.
        StorageError: The files cannot be looked for.
    """
    settings = settings_of_samples(config)
    seeds = {"verification": _VERIFICATION_SEED, "calibration": config.calibration.seed}
    return {
        name: _sample(name, settings[name].num_examples, seeds[name], found)
        for name, found in files.items()
    }


def _sample(name: str, count: int, seed: int, files: Files) -> list[bytes]:
    paths = _paths(files)
    records = sample(paths, count, seed) if paths else []
    if not records:
        found = "is empty" if paths else "matches no file"
        raise ExamplesError(
            f"{files.name} hold no example for the {name}: {listed(files.patterns) or 'nothing'} "
            f"{found}. Name TFRecord files with tf.Examples, such as 'data/train-*.tfrecord.gz'."
        )
    if len(records) < count and count != DEFAULT_NUM_EXAMPLES[name]:
        _log.warning(
            "%s.num_examples: %d are asked for, but %s hold %d; these are used.",
            name,
            count,
            files.name,
            len(records),
        )
    return records


def _paths(files: Files) -> list[str]:
    with storage_errors(files.name):
        try:
            return [path for pattern in files.patterns for path in _matching(pattern)]
        except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, UnicodeError) as e:
            raise ExamplesError(
                f"{files.name} cannot be looked for by {listed(files.patterns)}: {reason(e)}. Name "
                "TFRecord files that are there, in UTF-8, such as 'data/train-*.tfrecord.gz'."
            ) from e


def _matching(pattern: str) -> list[str]:
    # the name of a file may look like a pattern
    is_file = tf.io.gfile.exists(pattern) and not tf.io.gfile.isdir(pattern)
    return [pattern] if is_file else tf.io.gfile.glob(pattern)


def sample(files: Sequence[str], count: int, seed: int) -> list[bytes]:
    """Samples serialized examples from the shards of a split.

    The shards are read side by side, up to 256 of them, and only as far as it takes, so that the
    sample is spread over them and neither time nor memory grows with the data.

    Args:
        files: The TFRecord files; those that end in `.gz` are compressed, as TFX has it.
        count: The number of examples wanted.
        seed: The same seed gives the same sample.

    Returns:
        The examples; fewer than `count` if there are no more.

    Raises:
        ExamplesError: A file cannot be read.
    """
    files = sorted(files)
    compressions = [_compression(file) for file in files]
    records = tf.data.Dataset.from_tensor_slices((files, compressions)).interleave(
        tf.data.TFRecordDataset, cycle_length=min(len(files), _MOST_AT_ONCE)
    )
    wanted = count * _CANDIDATES_PER_EXAMPLE
    try:
        candidates = list(records.take(wanted).as_numpy_iterator())
    except tf.errors.OpError as e:
        culprit = next(_unreadable(files, wanted), reason(e))
        raise ExamplesError(
            f"The examples cannot be read: {culprit}. TFRecord files are "
            "expected, compressed with gzip where their names end in .gz. Check that each was "
            "written and copied whole."
        ) from e
    # tf.data would shuffle by TensorFlow's global seed as well
    return random.Random(seed).sample(candidates, min(count, len(candidates)))


def _compression(file: str) -> str:
    return "GZIP" if file.endswith(".gz") else ""


def _unreadable(files: Sequence[str], count: int) -> Iterator[str]:
    """Which files cannot be read as far as some examples, and why."""
    for file in files:
        try:
            for _ in tf.data.TFRecordDataset(file, _compression(file)).take(count):
                pass
        except tf.errors.OpError as e:
            is_folder = tf.io.gfile.isdir(file)
            yield (
                f"{file} is a folder, whose files '{file}/*' names"
                if is_folder
                else f"{file}: {reason(e)}{_otherwise_compressed(file)}"
            )


def _otherwise_compressed(file: str) -> str:
    """Whether the name of a file tells another compression than it has, in words."""
    with tf.io.gfile.GFile(file, "rb") as opened:
        is_gzip = opened.read(len(_GZIP)) == _GZIP
    if is_gzip == bool(_compression(file)):
        return ""
    return f" (it is{'' if is_gzip else ' not'} compressed with gzip)"
