"""A small Keras network for the columns of a table, and its SavedModel.

As in any model of TFX, the signature parses `tf.Example`s, and the preprocessing is part of it:
numbers are scaled, and words looked up in a vocabulary. Nothing here knows of TensorFlow Lite.
"""

import collections
import pathlib
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from csv_table import Table

_MOST_WORDS = 100
_STEPS = 1000
_BATCH_SIZE = 32
_SEED = 1


class TableModel(tf.Module):
    """A model of a table, with its preprocessing."""

    def __init__(self, table: Table) -> None:
        """Makes the model.

        Args:
            table: The table, of which the preprocessing takes means and words.
        """
        super().__init__()
        self.means: dict[str, float] = {}
        self._deviations: dict[str, float] = {}
        self._lookups: dict[str, tf.lookup.StaticHashTable] = {}
        self._spec: dict[str, tf.io.FixedLenFeature] = {}
        for name, cells in table.numbers.items():
            known = [float(cell) for cell in cells if cell]
            self.means[name] = float(np.mean(known))
            self._deviations[name] = float(np.std(known)) or 1.0
            self._spec[name] = tf.io.FixedLenFeature([], tf.float32, self.means[name])
        for name, cells in table.words.items():
            self._lookups[name] = _vocabulary(cells)
            self._spec[name] = tf.io.FixedLenFeature([], tf.string, "")
        outputs = len(table.classes) or 1
        self.network = keras.Sequential(
            [
                keras.layers.Dense(32, activation="relu"),
                keras.layers.Dense(32, activation="relu"),
                keras.layers.Dense(outputs, activation="softmax" if table.classes else None),
            ]
        )

    def preprocess(self, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Makes the columns of a batch one matrix of numbers."""
        parts = [
            tf.expand_dims((columns[name] - mean) / self._deviations[name], 1)
            for name, mean in self.means.items()
        ]
        parts += [
            tf.one_hot(lookup.lookup(columns[name]), _MOST_WORDS + 1)
            for name, lookup in self._lookups.items()
        ]
        return tf.concat(parts, axis=1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """What a serialized example is predicted to be."""
        columns = tf.io.parse_example(examples, self._spec)
        return {"prediction": self.network(self.preprocess(columns))}


def train(table: Table) -> tuple[TableModel, str]:
    """Trains a model, and returns it with its quality on rows that it was not trained on."""
    keras.utils.set_random_seed(_SEED)
    model = TableModel(table)
    x, y = model.preprocess(_columns(table, model)).numpy(), _targets(table)
    model.network.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy" if table.classes else "mse",
        metrics=["accuracy"] if table.classes else ["mae"],
    )
    rest = len(y) - table.held_out
    epochs = max(1, _STEPS * _BATCH_SIZE // rest)
    trained = slice(table.held_out, None)
    model.network.fit(x[trained], y[trained], _BATCH_SIZE, epochs, verbose=0)
    _, measured = model.network.evaluate(x[: table.held_out], y[: table.held_out], verbose=0)
    return model, f"accuracy {measured:.3f}" if table.classes else f"mean error {measured:.4g}"


def save(model: TableModel, folder: pathlib.Path) -> None:
    """Saves a model, with the signature that serves it."""
    tf.saved_model.save(model, str(folder), signatures=model.serve)


def _vocabulary(cells: list[str]) -> tf.lookup.StaticHashTable:
    """Numbers for the most frequent words, and one number for all others."""
    words = [word for word, _ in collections.Counter(cells).most_common(_MOST_WORDS)]
    numbers = tf.range(len(words), dtype=tf.int64)
    initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(words), numbers)
    return tf.lookup.StaticHashTable(initializer, default_value=_MOST_WORDS)


def _columns(table: Table, model: TableModel) -> dict[str, tf.Tensor]:
    numbers = {
        name: tf.constant([float(cell or model.means[name]) for cell in cells], tf.float32)
        for name, cells in table.numbers.items()
    }
    return {**numbers, **{name: tf.constant(cells) for name, cells in table.words.items()}}


def _targets(table: Table) -> np.ndarray:
    if table.classes:
        return np.array([table.classes.index(cell) for cell in table.label])
    return np.array([float(cell) for cell in table.label], np.float32)
