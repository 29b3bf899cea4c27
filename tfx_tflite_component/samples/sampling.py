"""Samples of the examples that are stored in files."""

import dataclasses
import heapq
import logging
import math
import os
import random
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf

from tfx_tflite_component.config import with_defaults
from tfx_tflite_component.errors import ExamplesError, listed
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.samples.files import EXPECTED_FILES, Files, settings_of_samples
from tfx_tflite_component.samples.tables import Dtypes, is_table, read_rows
from tfx_tflite_component.storage.storage_errors import storage_errors
from tfx_tflite_component.tensorflow_errors import reason

_READ_AT_ONCE = 64
# the memory of a sample; a few examples are kept regardless of their size
_MAX_BYTES = 2**30
_FEWEST = 8
# RFC 1952, section 2.3.1
_GZIP = b"\x1f\x8b"

_UNKNOWN: Dtypes = types.MappingProxyType({})

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """An example of a sample.

    Attributes:
        record: The serialized `tf.Example`.
        path: The file that it is from.
        position: Its position there, counted from 0.
    """

    record: bytes
    path: str
    position: int


# the negated key of an example, its negated position among all of them, and the example
_Keyed: TypeAlias = tuple[float, int, Drawn]


def draw_samples(
    config: TFLiteRewriterConfig, files: Mapping[str, Files], dtypes: Dtypes = _UNKNOWN
) -> dict[str, list[Drawn]]:
    """Draws the samples that a config needs. No two samples share an example.

    Args:
        config: The config, as `given_config` returns it.
        files: The files for each of `settings_of_samples`; empty if there are no examples.
        dtypes: The dtypes that the features in tables get.

    Returns:
        The examples of each sample, by the names of `settings_of_samples`.

    Raises:
        ExamplesError: There is no example, or a file cannot be read.
        StorageError: The files cannot be listed.
    """
    settings = settings_of_samples(with_defaults(config))
    paths = {name: paths_of(found) for name, found in files.items()}
    counts = {name: settings[name].num_examples for name in files}
    seeds = {name: config.calibration.seed if name == "calibration" else 0 for name in files}
    samples = sample(paths, counts, seeds, dtypes)
    given = settings_of_samples(config)
    for name, found in files.items():
        _check_size(name, given[name].num_examples, len(samples[name]), found, bool(paths[name]))
    return samples


def _check_size(name: str, wanted: int, count: int, files: Files, are_there: bool) -> None:
    if not count:
        found = "has too few examples, or none" if are_there else "matches no file"
        raise ExamplesError(
            f"{files.name} hold no example for the {name}: {listed(files.patterns) or 'nothing'} "
            f"{found}. Name {EXPECTED_FILES}; "
            "no example is used twice, so each sample needs one of its own."
        )
    # if the config does not say how many, fewer are enough
    if count < wanted:
        _log.warning(
            "%s.num_examples is %d, but only %d examples of %s are left for it; using these.",
            name,
            wanted,
            count,
            files.name,
        )


def paths_of(files: Files) -> list[str]:
    """The files that patterns name.

    Raises:
        ExamplesError: They cannot be looked for.
        StorageError: A file system cannot be read.
    """
    with storage_errors(files.name):
        try:
            return [path for pattern in files.patterns for path in _matching(pattern)]
        except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, UnicodeError) as e:
            raise ExamplesError(
                f"{files.name} cannot be looked for by {listed(files.patterns)}: {reason(e)}. Name "
                f"{EXPECTED_FILES}, that are there, with names in UTF-8."
            ) from e


def _matching(pattern: str) -> list[str]:
    # a file name may look like a pattern
    is_file = tf.io.gfile.exists(pattern) and not tf.io.gfile.isdir(pattern)
    return [pattern] if is_file else tf.io.gfile.glob(pattern)


def sample(
    files: Mapping[str, Sequence[str]],
    counts: Mapping[str, int],
    seeds: Mapping[str, int],
    dtypes: Dtypes = _UNKNOWN,
) -> dict[str, list[Drawn]]:
    """Draws disjoint samples, each uniform over all of its files.

    Every record gets a random key, and the records with the smallest keys are kept, in one
    reservoir for each group of files that the same samples may draw from (reservoir sampling).
    Memory does not grow with the data. Every file is read to its end. If there are too few examples
    for all samples, they are shared among the samples.

    Args:
        files: The files of each sample: tables, or TFRecord files, which are compressed if their
            names end in `.gz`, as in TFX.
        counts: The number of examples wanted for each sample.
        seeds: A seed for each sample; the same seeds give the same samples.
        dtypes: The dtypes that the features in tables get.

    Returns:
        The examples of each sample in random order; fewer than wanted if there are no more, or if
        they would take more than 1 GiB of memory.

    Raises:
        ExamplesError: A file cannot be read.
    """
    keyed: list[tuple[_Keyed, tuple[str, ...]]] = []
    for names, paths in _by_takers(files).items():
        # independent of TensorFlow's global seed; a string seed is the same in every process
        random_keys = random.Random(str([(name, seeds[name]) for name in names]))
        reservoir = _Reservoir(sum(counts[name] for name in names), random_keys)
        for path in paths:
            reservoir.add_file(path, read_records(path, dtypes))
        keyed += [(kept, names) for kept in reservoir.kept]
    samples: dict[str, list[Drawn]] = {name: [] for name in files}
    for (_, _, drawn), names in sorted(keyed, reverse=True):
        # the sample with the smallest fraction of its wanted size
        taker = min(names, key=lambda name: len(samples[name]) / counts[name])
        if len(samples[taker]) < counts[taker]:
            samples[taker].append(drawn)
    return samples


def _by_takers(files: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], list[str]]:
    """The files, grouped by the samples that may draw from them."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in sorted({path for paths in files.values() for path in paths}):
        names = tuple(name for name, paths in files.items() if path in paths)
        groups.setdefault(names, []).append(path)
    return groups


class _Reservoir:
    """The records with the smallest keys, as many as are wanted or fit."""

    def __init__(self, count: int, random_keys: random.Random) -> None:
        self._random = random_keys
        self._count = count
        self._size_bytes = 0
        self._position = 0
        self._limit = -math.inf
        self.kept: list[_Keyed] = []

    def add_file(self, path: str, batches: Iterable[Sequence[bytes]]) -> None:
        first = self._position
        for records in batches:
            for index in range(len(records)):
                key = -self._random.random()
                if key > self._limit:
                    # of a table, it is made only now
                    drawn = Drawn(records[index], path, self._position - first)
                    heapq.heappush(self.kept, (key, -self._position, drawn))
                    self._size_bytes += len(drawn.record)
                    self._shrink()
                self._position += 1

    def _shrink(self) -> None:
        while len(self.kept) > self._count or (
            self._size_bytes > _MAX_BYTES and len(self.kept) > _FEWEST
        ):
            self._limit, _, drawn = heapq.heappop(self.kept)
            self._size_bytes -= len(drawn.record)


def read_records(path: str, dtypes: Dtypes = _UNKNOWN) -> Iterator[Sequence[bytes]]:
    """The records of a TFRecord file or table, some at a time.

    Args:
        path: The file.
        dtypes: The dtypes that the features in a table get.

    Raises:
        ExamplesError: It cannot be read.
    """
    if os.path.lexists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        kind = f"a link to {os.readlink(path)!r}" if os.path.islink(path) else "a special file"
        raise ExamplesError(
            f"The examples cannot be read: {path} is {kind}; expected a file. Delete it, or "
            "replace it with the file."
        )
    if is_table(path):
        yield from read_rows(path, dtypes)
        return
    records = tf.data.TFRecordDataset(path, _compression(path)).batch(_READ_AT_ONCE)
    try:
        yield from records.as_numpy_iterator()
    except tf.errors.OpError as e:
        culprit = (
            f"{path} is a folder; its files are '{path}/*'"
            if tf.io.gfile.isdir(path)
            else f"{path}: {reason(e)}{_otherwise_compressed(path)}"
        )
        raise ExamplesError(
            f"The examples cannot be read: {culprit}. A file whose name does not "
            "end in .csv, .csv.gz, .parquet, .npy or .npz is read as TFRecord, compressed with "
            "gzip where names end in .gz. Check that each was written and copied whole, and "
            "that this process may read it."
        ) from e


def _compression(file: str) -> str:
    return "GZIP" if file.endswith(".gz") else ""


def _otherwise_compressed(file: str) -> str:
    """An explanation if a file's name does not match its compression; otherwise empty."""
    try:
        with tf.io.gfile.GFile(file, "rb") as opened:
            is_gzip = opened.read(len(_GZIP)) == _GZIP
    except tf.errors.OpError:  # it was deleted, or may not be read
        return ""
    if is_gzip == bool(_compression(file)):
        return ""
    return f" (it is{'' if is_gzip else ' not'} compressed with gzip)"
