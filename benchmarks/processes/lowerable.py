"""Models with random weights in which lowering matters, as functions of parsed features."""

import dataclasses
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

Tensors = Mapping[str, tf.Tensor]
Compute = Callable[[Tensors], tf.Tensor]

_STEPS, _FEATURES, _UNITS = 10, 4, 16
_WORDS, _BUCKETS, _NUMBERS = 1000, 16, 8


@dataclasses.dataclass(frozen=True)
class Lowerable:
    """A model of parsed features.

    Attributes:
        features: The features, as `tf.io.parse_example` takes them.
        held: What has its variables and tables.
        compute: Computes its output from the parsed features.
    """

    features: Mapping[str, object]
    held: object
    compute: Compute


def lstm() -> Lowerable:
    """A recurrent layer."""
    layer = keras.layers.LSTM(_UNITS)
    features = {"x": tf.io.FixedLenFeature([_STEPS, _FEATURES], tf.float32)}
    return Lowerable(features, layer, lambda parsed: layer(parsed["x"]))


def buckets() -> Lowerable:
    """Quantile buckets of numbers, and the words of a vocabulary with a bucket for others."""
    words = tf.constant([f"word{number}" for number in range(_WORDS)])
    numbers = tf.range(_WORDS, dtype=tf.int64)
    initial = tf.lookup.KeyValueTensorInitializer(words, numbers)
    table = tf.lookup.StaticVocabularyTable(initial, num_oov_buckets=1)
    quantiles = tf.linspace(-2.0, 2.0, _BUCKETS - 1)
    dense = _weights(_NUMBERS * _BUCKETS + _WORDS + 1, _UNITS)

    def compute(parsed: Tensors) -> tf.Tensor:
        flat = tf.reshape(parsed["x"], [-1])
        found = tf.reshape(tf.searchsorted(quantiles, flat, side="right"), [-1, _NUMBERS])
        one_hot = tf.reshape(tf.one_hot(found, _BUCKETS), [-1, _NUMBERS * _BUCKETS])
        of_words = tf.one_hot(table.lookup(parsed["word"])[:, 0], _WORDS + 1)
        return tf.concat([one_hot, of_words], 1) @ dense

    features = {
        "x": tf.io.FixedLenFeature([_NUMBERS], tf.float32),
        "word": tf.io.FixedLenFeature([1], tf.string),
    }
    return Lowerable(features, (table, dense), compute)


def products() -> Lowerable:
    """Products of all pairs of features, and a softplus."""
    dense = _weights(_UNITS, _UNITS, _UNITS)

    def compute(parsed: Tensors) -> tf.Tensor:
        pairs = tf.einsum("bi,bj->bij", parsed["x"], tf.nn.softplus(parsed["x"]))
        return tf.einsum("bij,ijk->bk", pairs, dense)

    return Lowerable({"x": tf.io.FixedLenFeature([_UNITS], tf.float32)}, dense, compute)


def _weights(*shape: int) -> tf.Variable:
    return tf.Variable(np.random.default_rng(0).normal(size=shape).astype(np.float32))


LOWERABLE = {"lstm": lstm, "buckets": buckets, "products": products}
