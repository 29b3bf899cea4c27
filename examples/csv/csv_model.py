"""A small Keras network for the columns of a table, and its SavedModel.

As in any model of TFX, the signature parses `tf.Example`s, and the preprocessing is part of it:
numbers are scaled, and words looked up in a vocabulary. Nothing here knows of TensorFlow Lite.
"""

import collections
import math
import pathlib
from collections.abc import Mapping, Sequence

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
            table: The table. The preprocessing takes means and words from the rows to train on.
        """
        super().__init__()
        self._scales: dict[str, tuple[float, float]] = {}
        self._lookups: dict[str, tf.lookup.StaticHashTable] = {}
        self._spec: dict[str, tf.io.FixedLenFeature] = {}
        for name, cells in table.numbers.items():
            self._scales[name] = _scale(cells[table.held_out :])
            self._spec[name] = tf.io.FixedLenFeature([], tf.float32, math.nan)
        for name, cells in table.words.items():
            self._lookups[name] = _vocabulary(cells[table.held_out :])
            self._spec[name] = tf.io.FixedLenFeature([], tf.string, "")
        hidden = [keras.layers.Dense(32, activation="relu") for _ in range(2)]
        self.network = keras.Sequential(hidden + _answer(table))

    def preprocess(self, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Makes the columns of a batch one matrix of numbers."""
        parts = []
        for name, (mean, deviation) in self._scales.items():
            # an app can pass NaN, but not leave an input out
            known = tf.where(tf.math.is_nan(columns[name]), mean, columns[name])
            parts.append(tf.expand_dims((known - mean) / deviation, 1))
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
    x, y = model.preprocess(_columns(table)).numpy(), _targets(table)
    model.network.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy" if table.classes else "mse",
        metrics=["accuracy"] if table.classes else ["mae"],
    )
    held_out = table.held_out
    epochs = max(1, _STEPS // math.ceil((len(y) - held_out) / _BATCH_SIZE))
    model.network.fit(x[held_out:], y[held_out:], _BATCH_SIZE, epochs, verbose=0)
    _, measured = model.network.evaluate(x[:held_out], y[:held_out], verbose=0)
    return model, _quality(measured, y[:held_out], y[held_out:], table.classes)


def save(model: TableModel, folder: pathlib.Path) -> None:
    """Saves a model, with the signature that serves it."""
    tf.saved_model.save(model, str(folder), signatures=model.serve)


def _answer(table: Table) -> list[keras.layers.Layer]:
    """The last layers: a probability for each class, or a number on the scale of the label."""
    if table.classes:
        return [keras.layers.Dense(len(table.classes), activation="softmax")]
    mean, deviation = _scale(_targets(table)[table.held_out :])
    return [keras.layers.Dense(1), keras.layers.Rescaling(deviation, mean)]


def _quality(measured: float, tested: np.ndarray, trained: np.ndarray, classes: list[str]) -> str:
    """The quality on the tested rows, beside that of always giving the same answer."""
    if classes:
        usual = np.bincount(trained).argmax()
        always = f"always {classes[usual]!r}: {np.mean(tested == usual):.3f}"
        return f"accuracy {measured:.3f} on {len(tested)} rows ({always})"
    mean = trained.mean()
    always = f"always {mean:,.6g}: {np.abs(tested - mean).mean():,.6g}"
    return f"mean error {measured:,.6g} on {len(tested)} rows ({always})"


def _scale(numbers: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The mean and the standard deviation of those that are not NaN."""
    known = [number for number in numbers if not math.isnan(number)] or [0.0]
    return float(np.mean(known)), float(np.std(known)) or 1.0


def _vocabulary(cells: list[str]) -> tf.lookup.StaticHashTable:
    """Numbers for the most frequent words, and one number for all others."""
    words = [word for word, _ in collections.Counter(cells).most_common(_MOST_WORDS)]
    numbers = tf.range(len(words), dtype=tf.int64)
    initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(words), numbers)
    return tf.lookup.StaticHashTable(initializer, default_value=_MOST_WORDS)


def _columns(table: Table) -> dict[str, tf.Tensor]:
    numbers = {name: tf.constant(cells, tf.float32) for name, cells in table.numbers.items()}
    return {**numbers, **{name: tf.constant(cells) for name, cells in table.words.items()}}


def _targets(table: Table) -> np.ndarray:
    if table.classes:
        return np.array([table.classes.index(cell) for cell in table.label])
    return np.array(table.label, np.float32)
