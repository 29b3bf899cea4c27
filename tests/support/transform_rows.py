"""What a `preprocessing_fn` of TF Transform can do, one thing at a time, and what to try it on."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import models
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

Features: TypeAlias = Mapping[str, tf.Tensor | tf.SparseTensor]

FEATURES = {
    "x": tf.io.FixedLenFeature([], tf.float32),
    "n": tf.io.FixedLenFeature([], tf.int64),
    "s": tf.io.FixedLenFeature([], tf.string),
    "vector": tf.io.FixedLenFeature([3], tf.float32),
    "digits": tf.io.FixedLenFeature([], tf.string),
    "jpeg": tf.io.FixedLenFeature([], tf.string),
    "maybe_x": tf.io.VarLenFeature(tf.float32),
    "maybe_n": tf.io.VarLenFeature(tf.int64),
    "maybe_s": tf.io.VarLenFeature(tf.string),
    "xs": tf.io.VarLenFeature(tf.float32),
    "ns": tf.io.VarLenFeature(tf.int64),
    "words": tf.io.VarLenFeature(tf.string),
}
"""What every example holds: one value, three in a vector, one at most, or three at most."""

NAN, INFINITY, WIDE = "NaN", "infinities", "integers beyond 32 bits"
"""Examples that TFLite's own ops treat otherwise than TensorFlow's."""


@dataclasses.dataclass(frozen=True, eq=False)
class TransformRow:
    """One row of the table.

    Attributes:
        name: The function and how it is called, in Markdown.
        compute: Calls of it, each of which needs the same.
        but: The examples on which the TFLite model differs from the SavedModel.
    """

    name: str
    compute: Callable[[Features], Sequence[tf.Tensor | tf.SparseTensor]]
    but: Sequence[str] = ()


def transform(rows: Sequence[TransformRow], features: Features) -> Features:
    """A `preprocessing_fn` that does what some rows say."""
    outputs: Features = {}
    for number, row in enumerate(rows):
        with tf.name_scope(f"row_{number}"):
            calls = row.compute(features)
        outputs |= {_output(number, call): value for call, value in enumerate(calls)}
    return outputs


def save_transforms(
    folder: pathlib.Path, rows: Sequence[TransformRow], transform_output: pathlib.Path
) -> pathlib.Path:
    """Saves a model with a signature for each row, which returns what TF Transform hands over."""
    module = tf.Module()
    module.layer = tft.TFTransformOutput(str(transform_output)).transform_features_layer()

    def returning(number: int) -> Callable[[models.Tensors], models.Tensors]:
        prefix = _output(number, "")
        return lambda features: {
            name: _dense(value)
            for name, value in module.layer(features).items()
            if name.startswith(prefix)
        }

    functions = {
        row.name: models.parsing(FEATURES, returning(number)) for number, row in enumerate(rows)
    }
    return models.save_each(folder, functions, models.EXAMPLES, module=module)


def _output(row: int, call: object) -> str:
    return f"row_{row}_call_{call}"


def _dense(value: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    """A tensor of three columns at least: TFLite hands out none without elements."""
    if not isinstance(value, tf.SparseTensor):
        return value
    dense = tf.sparse.to_dense(value, default_value=-1)
    return tf.pad(dense, [[0, 0], [0, 3]], constant_values=-1)


_JPEG = tf.io.encode_jpeg(np.arange(8 * 8 * 3, dtype=np.uint8).reshape([8, 8, 3])).numpy()


def _values(number: float, integer: int, word: str, several: int) -> dict[str, list[object]]:
    """What one example holds, all of it made of a number, an integer, a word and a length."""
    return {
        "x": [number],
        "n": [integer],
        "s": [word],
        "vector": [number, 1.5, -number],
        "digits": [str(integer)],
        "jpeg": [_JPEG],
        "maybe_x": [number][:several],
        "maybe_n": [integer][:several],
        "maybe_s": [word][:several],
        "xs": [number, 0.5, number][:several],
        "ns": [integer, 2, integer][:several],
        "words": [word, "b", word][:several],
    }


def training_data() -> list[dict[str, list[object]]]:
    """The values that TF Transform analyzes."""
    return [
        _values((position % 9) / 4, position % 6, "abcab"[position % 5], position % 4)
        for position in range(30)
    ]


def _examples(*values: tuple[float, int, str, int]) -> list[bytes]:
    return [models.example(**_values(*of_one)) for of_one in values]


EXAMPLES = {
    "": _examples(
        (0.5, 1, "a", 2),
        (0.0, 0, "", 0),
        (-0.0, -1, "d", 3),
        (1.0, 5, "A", 1),
        (2.0, 6, "c", 2),
        (0.9999999, 2, " b ", 3),
        (-7.0, 3, "é", 0),
        (9.0, 4, "a b", 1),
    ),
    NAN: _examples((float("nan"), 1, "a", 2)),
    INFINITY: _examples((float("inf"), 1, "b", 3), (float("-inf"), 1, "c", 1)),
    WIDE: _examples((1.0, 2**31 + 5, "a", 2), (0.5, -(2**40), "b", 3)),
}
"""Serialized `tf.Example`s with the values on which numbers tend to go wrong."""


def _filled(feature: tf.SparseTensor) -> tf.Tensor:
    """One value an example, as the taxi examples of TFX fill in what is missing."""
    column = tf.SparseTensor(feature.indices, feature.values, [feature.dense_shape[0], 1])
    default = "" if feature.dtype == tf.string else 0
    return tf.squeeze(tf.sparse.to_dense(column, default), axis=1)


def _numbered(words: tf.SparseTensor) -> tf.SparseTensor:
    return tft.compute_and_apply_vocabulary(words)


def _resized(images: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(
        lambda image: tf.image.resize(tf.io.decode_jpeg(image, channels=3), [4, 4]),
        images,
        fn_output_signature=tf.float32,
    )


def _in_table(words: tf.Tensor) -> tf.Tensor:
    def make() -> tf.lookup.StaticHashTable:
        content = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64))
        return tf.lookup.StaticHashTable(content, 0)

    return tft.make_and_track_object(make, "table").lookup(words)


def _taxi_label(fare: tf.Tensor, tips: tf.Tensor) -> tf.Tensor:
    """Whether the tip is larger than a fifth of the fare."""
    is_large = tf.cast(tf.greater(tips, fare * 0.2), tf.int64)
    return tf.where(tf.math.is_nan(fare), tf.zeros_like(is_large), is_large)


_BOUNDARIES = tf.constant([[0.0, 1.0, 2.0]])

TRANSFORM_ROWS = {
    "scaling": (
        TransformRow(
            "`scale_by_min_max`",
            lambda f: [
                tft.scale_by_min_max(f["x"]),
                tft.scale_by_min_max(f["vector"], -0.5, 0.5),
                tft.scale_by_min_max(f["vector"], elementwise=True),
            ],
        ),
        TransformRow(
            "`scale_to_0_1`", lambda f: [tft.scale_to_0_1(f["x"]), tft.scale_to_0_1(f["n"])]
        ),
        TransformRow(
            "`scale_to_z_score`",
            lambda f: [
                tft.scale_to_z_score(f["x"]),
                tft.scale_to_z_score(f["n"]),
                tft.scale_to_z_score(f["vector"], elementwise=True),
            ],
        ),
        TransformRow(
            "`scale_to_z_score` of a `SparseTensor`",
            lambda f: [tft.scale_to_z_score(f["xs"])],
            but=[INFINITY],
        ),
        TransformRow("`scale_to_gaussian`", lambda f: [tft.scale_to_gaussian(f["x"])]),
    ),
    "keys": (
        TransformRow(
            "`scale_by_min_max_per_key`, `scale_to_0_1_per_key`, `scale_to_z_score_per_key`",
            lambda f: [
                tft.scale_by_min_max_per_key(f["x"], f["s"]),
                tft.scale_to_0_1_per_key(f["x"], f["s"]),
                tft.scale_to_z_score_per_key(f["x"], f["s"]),
            ],
            but=[INFINITY],
        ),
        TransformRow(
            "`scale_to_z_score_per_key`, `key_vocabulary_filename`",
            lambda f: [
                tft.scale_to_z_score_per_key(f["x"], f["s"], key_vocabulary_filename="keys")
            ],
        ),
        TransformRow("`bucketize_per_key`", lambda f: [tft.bucketize_per_key(f["x"], f["s"], 3)]),
    ),
    "buckets": (
        TransformRow(
            "`bucketize`",
            lambda f: [
                tft.bucketize(f["x"], 4),
                tft.bucketize(f["n"], 4),
                tft.bucketize(f["vector"], 3, elementwise=True),
            ],
        ),
        TransformRow("`bucketize` of a `SparseTensor`", lambda f: [tft.bucketize(f["xs"], 3)]),
        TransformRow("`apply_buckets`", lambda f: [tft.apply_buckets(f["x"], _BOUNDARIES)]),
        TransformRow(
            "`apply_buckets_with_interpolation`",
            lambda f: [tft.apply_buckets_with_interpolation(f["x"], _BOUNDARIES)],
        ),
    ),
    "statistics": (
        TransformRow(
            "`mean`, `var`, `min`, `max`, `sum`, `size`, `quantiles`",
            lambda f: [
                f["x"] - tft.mean(f["x"]) + tft.var(f["x"]),
                f["x"] - tft.min(f["x"]) + tft.max(f["x"]),
                f["x"] - tft.sum(f["x"]) + tf.cast(tft.size(f["x"]), tf.float32),
                f["x"] - tft.quantiles(f["x"], 4, 0.01)[0, 1],
            ],
        ),
        TransformRow(
            "`pca`",
            lambda f: [f["vector"] @ tft.pca(f["vector"], 2, tf.float32)],
            but=[NAN, INFINITY],
        ),
        TransformRow(
            "`estimated_probability_density`",
            lambda f: [tft.estimated_probability_density(f["x"], boundaries=3)],
        ),
        TransformRow(
            "`estimated_probability_density`, `categorical=True`",
            lambda f: [tft.estimated_probability_density(f["s"], categorical=True)],
        ),
    ),
    "vocabularies": (
        TransformRow(
            "`compute_and_apply_vocabulary`",
            lambda f: [
                tft.compute_and_apply_vocabulary(f["s"]),
                tft.compute_and_apply_vocabulary(f["s"], default_value=2, top_k=2),
            ],
        ),
        TransformRow(
            "`compute_and_apply_vocabulary` of a `SparseTensor`",
            lambda f: [tft.compute_and_apply_vocabulary(f["words"])],
        ),
        TransformRow(
            "`compute_and_apply_vocabulary`, `num_oov_buckets=1`",
            lambda f: [
                tft.compute_and_apply_vocabulary(f["s"], num_oov_buckets=1),
                tft.compute_and_apply_vocabulary(f["words"], num_oov_buckets=1),
            ],
        ),
        TransformRow(
            "`compute_and_apply_vocabulary`, `num_oov_buckets=2`",
            lambda f: [tft.compute_and_apply_vocabulary(f["s"], num_oov_buckets=2)],
        ),
    ),
    "integers and hashes": (
        TransformRow(
            "`compute_and_apply_vocabulary` of integers",
            lambda f: [
                tft.compute_and_apply_vocabulary(f["n"]),
                tft.compute_and_apply_vocabulary(f["n"], num_oov_buckets=1),
            ],
        ),
        TransformRow(
            "`compute_and_apply_vocabulary` of integers, `num_oov_buckets=2`",
            lambda f: [tft.compute_and_apply_vocabulary(f["n"], num_oov_buckets=2)],
        ),
        TransformRow(
            "`apply_vocabulary`", lambda f: [tft.apply_vocabulary(f["s"], tft.vocabulary(f["s"]))]
        ),
        TransformRow("`hash_strings`", lambda f: [tft.hash_strings(f["s"], 5)]),
        TransformRow("`hash_strings`, `key`", lambda f: [tft.hash_strings(f["s"], 5, key=[1, 2])]),
    ),
    "words": (
        TransformRow("`ngrams`", lambda f: [_numbered(tft.ngrams(f["words"], (1, 2), " "))]),
        TransformRow(
            "`bag_of_words`",
            lambda f: [_numbered(tft.bag_of_words(f["words"], (1, 2), " "))],
        ),
        TransformRow("`word_count`", lambda f: [tft.word_count(f["words"])]),
        TransformRow(
            "`tfidf`",
            lambda f: [
                tft.tfidf(tft.compute_and_apply_vocabulary(f["words"], num_oov_buckets=1), 4)[1]
            ],
        ),
        TransformRow(
            "`deduplicate_tensor_per_row`",
            lambda f: [_numbered(tft.deduplicate_tensor_per_row(f["words"]))],
        ),
    ),
    "sparse tensors": (
        TransformRow(
            "`sparse_tensor_to_dense_with_shape`",
            lambda f: [
                tft.sparse_tensor_to_dense_with_shape(f["xs"], [None, 3], -1.0),
                tft.sparse_tensor_to_dense_with_shape(f["ns"], [None, 3], 0),
                tft.sparse_tensor_to_dense_with_shape(f["words"], [None, 3], ""),
            ],
        ),
        TransformRow(
            "`sparse_tensor_left_align`", lambda f: [tft.sparse_tensor_left_align(f["xs"])]
        ),
        TransformRow(
            "`segment_indices`",
            lambda f: [
                tf.SparseTensor(
                    f["xs"].indices, tft.segment_indices(f["xs"].indices[:, 0]), f["xs"].dense_shape
                )
            ],
        ),
        TransformRow(
            "`tf.sparse.to_dense` of one value at most",
            lambda f: [_filled(f["maybe_x"]), _filled(f["maybe_n"]), _filled(f["maybe_s"])],
        ),
        TransformRow(
            "`tf.sparse.reduce_sum`",
            lambda f: [tf.ensure_shape(tf.sparse.reduce_sum(f["xs"], axis=1), [None])],
        ),
        TransformRow(
            "`tf.sparse.cross_hashed`", lambda f: [tf.sparse.cross_hashed([f["words"], f["ns"]], 7)]
        ),
    ),
    "numbers and images": (
        TransformRow(
            "`tf.where(tf.math.is_nan(x), ...)`",
            lambda f: [
                tf.where(tf.math.is_nan(f["x"]), tf.zeros_like(f["x"]), f["x"]),
                _taxi_label(f["x"], _filled(f["maybe_x"])),
            ],
        ),
        TransformRow("`tf.one_hot`", lambda f: [tf.one_hot(f["n"], 4)], but=[WIDE]),
        TransformRow(
            "`tf.clip_by_value`", lambda f: [tf.clip_by_value(f["x"], 0.0, 1.0)], but=[NAN]
        ),
        TransformRow(
            "`tf.math.log1p`, `tf.math.floormod`, `tf.math.is_finite`",
            lambda f: [
                tf.math.log1p(f["x"]),
                tf.math.floormod(f["n"], 3),
                tf.cast(tf.math.is_finite(f["x"]), tf.float32),
            ],
        ),
        TransformRow(
            "`tf.searchsorted`",
            lambda f: [tf.cast(tf.searchsorted(_BOUNDARIES[0], f["x"]), tf.int64)],
        ),
        TransformRow(
            "`tf.math.bincount` of each row",
            lambda f: [
                tf.ensure_shape(
                    tf.math.bincount(
                        tf.cast(tf.math.floormod(tf.stack([f["n"], f["n"]], axis=1), 4), tf.int32),
                        minlength=4,
                        maxlength=4,
                        axis=-1,
                        dtype=tf.int64,
                    ),
                    [None, 4],
                )
            ],
        ),
        TransformRow(
            "`tf.image.resize`",
            lambda f: [
                tf.image.resize(tf.reshape(tf.tile(f["vector"], [1, 12]), [-1, 6, 6, 1]), [4, 4])
            ],
        ),
        TransformRow("`tf.io.decode_jpeg`", lambda f: [_resized(f["jpeg"])]),
    ),
    "strings": (
        TransformRow("`tf.equal` of strings", lambda f: [tf.cast(tf.equal(f["s"], "a"), tf.int64)]),
        TransformRow("`tf.lookup.StaticHashTable` of strings", lambda f: [_in_table(f["s"])]),
        TransformRow("`tf.strings.lower`", lambda f: [tf.strings.lower(f["s"])]),
        TransformRow(
            "`tf.strings.regex_replace`", lambda f: [tf.strings.regex_replace(f["s"], "[^a-z]", "")]
        ),
        TransformRow(
            "`tf.strings.split`", lambda f: [_numbered(tf.strings.split(f["s"]).to_sparse())]
        ),
        TransformRow("`tf.strings.join`", lambda f: [tf.strings.join([f["s"], f["digits"]], "_")]),
        TransformRow("`tf.strings.substr`", lambda f: [tf.strings.substr(f["s"], 0, 1)]),
        TransformRow(
            "`tf.strings.length`", lambda f: [tf.cast(tf.strings.length(f["s"]), tf.int64)]
        ),
        TransformRow("`tf.strings.to_number`", lambda f: [tf.strings.to_number(f["digits"])]),
        TransformRow("`tf.strings.as_string`", lambda f: [tf.strings.as_string(f["n"])]),
    ),
}
"""The rows in groups, each of which is one transform graph: small ones are traced faster."""
