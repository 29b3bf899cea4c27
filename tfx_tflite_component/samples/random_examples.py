"""Random inputs, to run a model on if there are no examples."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.split.parse_ops import ParsedFeature

_WORDS = (b"", b"a", b"b", b"0", b"1")


def random_examples(features: Sequence[ParsedFeature], count: int, seed: int) -> list[bytes]:
    """Serialized `tf.Example`s with random values for every feature.

    Args:
        features: The features; one of variable length gets one value.
        count: The number of examples.
        seed: The same seed gives the same examples.
    """
    random = np.random.default_rng(seed)
    return [
        tf.train.Example(
            features=tf.train.Features(
                feature={feature.name: _random_feature(feature, random) for feature in features}
            )
        ).SerializeToString(deterministic=True)
        for _ in range(count)
    ]


def random_tensors(
    specs: Mapping[str, tf.TensorSpec], count: int, seed: int
) -> dict[str, np.ndarray]:
    """A random array for each input; `count` examples where the batch dimension is dynamic."""
    random = np.random.default_rng(seed)
    return {
        name: _random_array(
            spec.dtype,
            [size or (count if axis == 0 else 1) for axis, size in enumerate(spec.shape)],
            random,
        )
        for name, spec in specs.items()
    }


def _random_feature(feature: ParsedFeature, random: np.random.Generator) -> tf.train.Feature:
    shape = [1 if size is None else size for size in feature.shape]
    values = _random_array(feature.dtype, shape, random).ravel().tolist()
    if feature.dtype == tf.string:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if feature.dtype == tf.int64:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _random_array(dtype: tf.DType, shape: Sequence[int], random: np.random.Generator) -> np.ndarray:
    if dtype == tf.string:
        return random.choice(np.array(_WORDS, dtype=object), size=shape)
    if dtype.is_integer or dtype.is_bool:
        # small enough to be an index into anything
        return random.integers(0, 2, size=shape).astype(dtype.as_numpy_dtype)
    return random.standard_normal(size=shape).astype(dtype.as_numpy_dtype)
