"""Keras preprocessing layers: how each is set, and what it is tried on."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import models
import numpy as np
import tensorflow as tf

Layers: TypeAlias = Any
"""The module `layers` of Keras 3 or of tf_keras."""

Layer: TypeAlias = Callable[[tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Values:
    """What a feature holds in each example.

    Attributes:
        feature: How it is parsed.
        rows: The values; where there are none, the feature is missing.
    """

    feature: tf.io.FixedLenFeature
    rows: Sequence[Sequence[object]]

    @property
    def examples(self) -> list[bytes]:
        """The serialized `tf.Example`s."""
        return [models.example(x=row) for row in self.rows]


@dataclasses.dataclass(frozen=True, eq=False)
class LayerRow:
    """One row of the table.

    Attributes:
        name: The layer and how it is set, in Markdown.
        make: Makes the layers of the row, each of which needs the same.
        values: What they are called with.
    """

    name: str
    make: Callable[[Layers], Sequence[Layer]]
    values: Values


def save_layers(folder: pathlib.Path, layers: Layers) -> pathlib.Path:
    """Saves the layers of each row, with a signature that parses what they are called with."""
    module = tf.Module()
    module.made = {row.name: row.make(layers) for row in LAYER_ROWS}
    functions = {
        row.name: models.parsing({"x": row.values.feature}, _calls(module.made[row.name]))
        for row in LAYER_ROWS
    }
    return models.save_each(folder, functions, models.EXAMPLES, module=module)


def _calls(layers: Sequence[Layer]) -> Callable[[models.Tensors], models.Tensors]:
    # in a model, something reads what a preprocessing layer computes
    return lambda features: {
        f"y{n}": tf.expand_dims(layer(features["x"]), 1) for n, layer in enumerate(layers)
    }


def _values(dtype: tf.DType, default: object, rows: Sequence[Sequence[object]]) -> Values:
    """Values of shape [number of values in a row]."""
    (size,) = {len(row) for row in rows}
    feature = tf.io.FixedLenFeature([size], dtype, [default] * size)
    return Values(feature, [*rows, []])


_INF, _NAN = float("inf"), float("nan")
_BIG, _SMALL = 2**31 + 5, -(2**40)

_FLOATS = _values(
    tf.float32,
    0.0,
    [
        *([0.0, 1.0, 2.0], [-0.0, 0.999999, 2.000001], [-3.5, 1.5, 9.0]),
        *([_NAN, _NAN, _NAN], [_INF, _INF, _INF], [-_INF, -_INF, -_INF]),
    ],
)
_FLOAT = _values(tf.float32, 0.0, [[value] for row in _FLOATS.rows for value in row])
_IDS = _values(tf.int64, 0, [[0, 1, 2], [3, 3, 3], [2, 1, 2]])
_ID = _values(tf.int64, 0, [[0], [1], [3], [2]])
_INTS = _values(tf.int64, 0, [[2, 5, 7], [5, 5, 5], [1, 0, -1], [_BIG, 2, _SMALL]])
_INT = _values(tf.int64, 0, [[value] for row in _INTS.rows for value in row])
_WORDS = _values(
    tf.string, "", [["a", "b", "c"], ["b", "b", "b"], ["A", "é", ""], ["a b", "d", "a"]]
)
_WORD = _values(tf.string, "", [[value] for row in _WORDS.rows for value in row])
_TEXT = _values(tf.string, "", [["a b c"], ["A b, b!"], ["  "], ["d a"], ["c a b c a b c"]])
_PIXELS = np.random.default_rng(0).uniform(size=[3, 8 * 6 * 3])
_IMAGE = Values(
    tf.io.FixedLenFeature([8, 6, 3], tf.float32, np.zeros([8, 6, 3]).tolist()),
    [*_PIXELS.tolist(), [1.0] * len(_PIXELS[0]), []],
)

_BOUNDARIES = [0.0, 1.0, 2.0]


def _encodings(layers: Layers) -> list[Layer]:
    mark = layers.CategoryEncoding(4, output_mode="multi_hot")
    count = layers.CategoryEncoding(4, output_mode="count")
    weigh = layers.Rescaling(0.5, offset=0.25)
    return [mark, count, lambda x: count(x, count_weights=weigh(x))]


def _crossed(layers: Layers) -> list[Layer]:
    cross = layers.HashedCrossing(5)
    return [lambda x: cross((x[:, :1], x[:, 1:2]))]


def _lookup_rows(name: str, known: Sequence[object], one: Values, many: Values) -> list[LayerRow]:
    """The rows of a lookup layer, whose vocabulary begins with what a missing value is."""
    all_values = [value for values in many.rows for value in values]

    def row(setting: str, values: Values, *all_settings: Mapping[str, object]) -> LayerRow:
        def make(layers: Layers) -> list[Layer]:
            layer = getattr(layers, name)
            return [layer(**{"vocabulary": known} | settings) for settings in all_settings]

        return LayerRow(f"`{name}`{setting}", make, values)

    # without an index for unknown values, the layer refuses them
    strict = {"vocabulary": sorted({*known, *all_values}), "num_oov_indices": 0}
    masked = {"vocabulary": known[1:], "mask_token": known[0]}
    weighted = {"output_mode": "tf_idf", "idf_weights": [0.0, 0.5, 1.0, 1.5]}
    two = {"num_oov_indices": 2}
    return [
        row("", many, {}, masked, strict),
        row(", `one_hot`", one, {"output_mode": "one_hot"}),
        row(
            ", `multi_hot`, `count` and `tf_idf`",
            many,
            {"output_mode": "multi_hot"},
            {**strict, "output_mode": "count"},
            weighted,
        ),
        row(", `num_oov_indices=2`", many, two, {**two, "output_mode": "count"}),
    ]


LAYER_ROWS = (
    LayerRow(
        "`Normalization`",
        lambda layers: [
            layers.Normalization(mean=1.5, variance=4.0),
            layers.Normalization(mean=1.5, variance=4.0, invert=True),
            layers.Normalization(mean=[0.0, 1.0, 2.0], variance=[1.0, 0.5, 3.0]),
        ],
        _FLOATS,
    ),
    LayerRow("`Rescaling`", lambda layers: [layers.Rescaling(1 / 255, offset=-0.5)], _FLOATS),
    LayerRow("`Discretization`", lambda layers: [layers.Discretization(_BOUNDARIES)], _FLOATS),
    LayerRow(
        "`Discretization`, `one_hot`",
        lambda layers: [layers.Discretization(_BOUNDARIES, output_mode="one_hot")],
        _FLOAT,
    ),
    LayerRow(
        "`Discretization`, `multi_hot` and `count`",
        lambda layers: [
            layers.Discretization(_BOUNDARIES, output_mode="multi_hot"),
            layers.Discretization(_BOUNDARIES, output_mode="count"),
        ],
        _FLOATS,
    ),
    LayerRow(
        "`CategoryEncoding`, `one_hot`",
        lambda layers: [layers.CategoryEncoding(4, output_mode="one_hot")],
        _ID,
    ),
    LayerRow("`CategoryEncoding`, `multi_hot` and `count`", _encodings, _IDS),
    *_lookup_rows("IntegerLookup", [0, 2, 5, 7], _INT, _INTS),
    *_lookup_rows("StringLookup", ["", "a", "b", "c"], _WORD, _WORDS),
    LayerRow("`Hashing` of strings", lambda layers: [layers.Hashing(5)], _WORD),
    LayerRow(
        "`Hashing` of strings, with `salt`", lambda layers: [layers.Hashing(5, salt=7)], _WORD
    ),
    LayerRow("`Hashing` of integers", lambda layers: [layers.Hashing(5)], _INT),
    LayerRow("`HashedCrossing` of strings", _crossed, _WORDS),
    LayerRow("`HashedCrossing` of integers", _crossed, _INTS),
    LayerRow(
        "`TextVectorization`",
        lambda layers: [layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=4)],
        _TEXT,
    ),
    LayerRow(
        "`TextVectorization`, `ngrams`",
        lambda layers: [
            layers.TextVectorization(vocabulary=["a", "a b"], ngrams=2, output_sequence_length=4)
        ],
        _TEXT,
    ),
    LayerRow(
        "`TextVectorization`, `standardize=None, split=None`",
        lambda layers: [
            layers.TextVectorization(vocabulary=["a", "b"], standardize=None, split=None)
        ],
        _WORD,
    ),
    LayerRow(
        "`Resizing`, `bilinear` and `nearest`",
        lambda layers: [
            layers.Resizing(4, 4),
            layers.Resizing(16, 12),
            layers.Resizing(4, 4, interpolation="nearest"),
            layers.Resizing(4, 4, crop_to_aspect_ratio=True),
        ],
        _IMAGE,
    ),
    LayerRow(
        "`Resizing`, `bicubic`, `area` and `lanczos3`",
        lambda layers: [
            layers.Resizing(4, 4, interpolation="bicubic"),
            layers.Resizing(4, 4, interpolation="area"),
            layers.Resizing(4, 4, interpolation="lanczos3"),
        ],
        _IMAGE,
    ),
    LayerRow(
        "`CenterCrop`", lambda layers: [layers.CenterCrop(4, 4), layers.CenterCrop(10, 10)], _IMAGE
    ),
)
