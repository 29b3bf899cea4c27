"""Small classifiers to describe with TFLite metadata."""

import pathlib

import tensorflow as tf
from models import Tensors, save

LABELS = ["red", "green", "blue"]

_IMAGE = tf.TensorSpec([None, 16, 16, 3], tf.float32, "x")


def save_colors(folder: pathlib.Path, scale: float) -> pathlib.Path:
    """Saves a model that tells the main color of an image, whose pixels it scales."""
    return save(folder, lambda x: {"y": _scores(x * scale)}, _IMAGE)


def save_labeled(folder: pathlib.Path) -> pathlib.Path:
    """Saves a model that returns the label as well, from a constant and from a table."""
    initializer = tf.lookup.KeyValueTensorInitializer(tf.range(3, dtype=tf.int64), LABELS)
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(initializer, "")

    def classify(x: tf.Tensor) -> Tensors:
        scores = _scores(x / 127.5 - 1.0)
        best = tf.argmax(scores, axis=1)
        return {
            "y": scores,
            "label": tf.gather(tf.constant(LABELS), best),
            "table": tf.expand_dims(module.table.lookup(best), 1),
        }

    return save(folder, classify, _IMAGE, module=module)


def save_words(folder: pathlib.Path) -> pathlib.Path:
    """Saves a model that takes a text, and tells whether it is a certain one."""

    def classify(words: tf.Tensor) -> Tensors:
        is_green = tf.cast(words == "grass", tf.float32)
        return {"y": tf.stack([0.5 - is_green, is_green, 0.2 * is_green], axis=1)}

    return save(folder, classify, tf.TensorSpec([1], tf.string, "words"))


def _scores(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.softmax(20.0 * tf.reduce_mean(x, axis=[1, 2]) @ tf.eye(3))
