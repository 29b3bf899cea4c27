"""Makes the features of `tf.Example`s."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def make_feature(values: Sequence[Any], dtype: tf.DType) -> tf.train.Feature:
    """A feature.

    Args:
        values: Its values.
        dtype: The dtype that a `tf.Example` stores them in: string, int64 or float32.
    """
    if dtype == tf.string:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if dtype == tf.int64:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def serialized(features: dict[str, tf.train.Feature]) -> bytes:
    """A serialized `tf.Example`; the same features give the same bytes."""
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)
