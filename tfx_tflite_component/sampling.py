"""Samples of the examples that are stored in TFRecord files."""

import random
from collections.abc import Sequence

import tensorflow as tf

_CANDIDATES_PER_EXAMPLE = 4


def sample(files: Sequence[str], count: int, seed: int) -> list[bytes]:
    """Samples serialized examples from the shards of a split.

    The shards are read side by side and only as far as it takes, so that the sample is spread over
    all of them and neither time nor memory grows with the data.

    Args:
        files: The TFRecord files; those that end in `.gz` are compressed, as TFX has it.
        count: The number of examples wanted.
        seed: The same seed gives the same sample.

    Returns:
        The examples; fewer than `count` if there are no more.
    """
    files = sorted(files)
    compressions = ["GZIP" if file.endswith(".gz") else "" for file in files]
    records = tf.data.Dataset.from_tensor_slices((files, compressions)).interleave(
        tf.data.TFRecordDataset, cycle_length=len(files)
    )
    candidates = list(records.take(count * _CANDIDATES_PER_EXAMPLE).as_numpy_iterator())
    # tf.data would shuffle by TensorFlow's global seed as well
    return random.Random(seed).sample(candidates, min(count, len(candidates)))
