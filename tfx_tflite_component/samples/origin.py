"""Finds the file that an example is from, for the error about it."""

import contextlib
from collections.abc import Iterator, Mapping

import tensorflow as tf

from tfx_tflite_component.errors import ExamplesError
from tfx_tflite_component.samples.feed import RefusedExample
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.samples.sampling import paths_of, read_records
from tfx_tflite_component.samples.tables import Dtypes


@contextlib.contextmanager
def naming_origin(files: Mapping[str, Files]) -> Iterator[None]:
    """Names the file and position of an example that is refused in the block.

    Args:
        files: The files that samples were drawn from.

    Raises:
        ExamplesError: What was raised in the block, with the origin of the example if it is known.
    """
    try:
        yield
    except RefusedExample as e:
        found = None if e.record is None else _origin(e.record, files)
        raise ExamplesError(f"{e} {found}" if found else str(e)) from e


def _origin(record: bytes, files: Mapping[str, Files]) -> str | None:
    dtypes = _dtypes(record)
    for path in dict.fromkeys(path for found in files.values() for path in paths_of(found)):
        position = 0
        for records in read_records(path, dtypes):
            for one in records:
                if one == record:
                    return f"It is record {position} of {path}, counted from 0."
                position += 1
    return None


def _dtypes(record: bytes) -> Dtypes:
    """The dtypes of an example's features, by which a row of a table makes the same example."""
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception:  # protobuf's errors differ between its implementations
        return {}
    kinds = {"bytes_list": tf.string, "int64_list": tf.int64, "float_list": tf.float32}
    return {
        name: kinds[kind] for name, held in features.items() if (kind := held.WhichOneof("kind"))
    }
