"""Makes up examples that cover the features of a model."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from tfx_tflite_component.app.feature_values import FeatureValues
from tfx_tflite_component.split.parse_ops import Layout, ParsedFeature

Values: TypeAlias = tuple[Any, ...]
Features: TypeAlias = Mapping[str, Values]

_WORDS = (b"a", b"b", b"0", b"1", b"two words")
_INTEGERS = (0, 1, 2, 3)
_UNKNOWN_WORD = b"?unknown word?"
_MOST_CLASSES = 64
_FAR = 8.0
# an extreme value may hide everything else in an example
_LOAD_OF_EXTREME = 8


@dataclasses.dataclass(frozen=True)
class SyntheticExample:
    """An example.

    Attributes:
        covers: What it is made for.
        features: The values of each feature that is not missing.
    """

    covers: tuple[str, ...]
    features: Features


@dataclasses.dataclass(frozen=True)
class _Case:
    """A case of one feature that an example should have: a value for all elements, or none."""

    name: str
    value: Any
    is_missing: bool = False
    is_extreme: bool = False


def synthetic_examples(
    shown: Sequence[FeatureValues], count: int, seed: int
) -> tuple[list[SyntheticExample], list[str]]:
    """Examples that cover missing values, buckets, words, unknown words and extremes.

    Features for which an example covers no case have usual values in it. Cases are spread over the
    examples, each feature's over different ones.

    Args:
        shown: What is known of each feature.
        count: The number of examples.
        seed: The same seed gives the same examples.

    Returns:
        The examples, and the cases for which there were too few of them.
    """
    random = np.random.default_rng(seed)
    cases: list[dict[str, _Case]] = [{} for _ in range(count)]
    loads = np.zeros(count)
    left = []
    for known in shown:
        name = known.feature.name
        for case in _cases(known):
            free = [row for row in range(count) if name not in cases[row]]
            if not free:
                left.append(f"{name}: {case.name}")
                continue
            row = min(free, key=lambda row: (loads[row], row))
            cases[row][name] = case
            loads[row] += _LOAD_OF_EXTREME if case.is_extreme else 1
    examples = [_example(shown, chosen, random) for chosen in cases]
    return examples, left


def serialized(features: Features, dtypes: Mapping[str, tf.DType]) -> bytes:
    """A `tf.Example`.

    Args:
        features: The values of each feature that is not missing.
        dtypes: The dtype of each feature.
    """
    made = {name: _feature(values, dtypes[name]) for name, values in features.items()}
    example = tf.train.Example(features=tf.train.Features(feature=made))
    return example.SerializeToString(deterministic=True)


def _example(
    shown: Sequence[FeatureValues], cases: Mapping[str, _Case], random: np.random.Generator
) -> SyntheticExample:
    features: dict[str, Values] = {}
    for known in shown:
        name, size = known.feature.name, _size(known.feature)
        case = cases.get(name)
        if case is None:
            features[name] = _usual(known, size, random)
        elif not case.is_missing:
            features[name] = (case.value,) * size
    covers = tuple(f"{name}: {case.name}" for name, case in cases.items())
    return SyntheticExample(covers, features)


def _cases(known: FeatureValues) -> Iterator[_Case]:
    feature = known.feature
    if not known.is_used:
        return
    if _may_be_missing(feature):
        yield _Case("missing", None, is_missing=True)
    if known.words:
        numbers = [word for word in known.words if isinstance(word, int)]
        yield _Case("unknown word", max(numbers) + 1 if numbers else _UNKNOWN_WORD)
    if feature.dtype == tf.string:
        yield _Case("empty", b"")
    for word in known.words:
        text = word.decode(errors="replace") if isinstance(word, bytes) else str(word)
        yield _Case(f"word {text}", word)
    if feature.dtype != tf.string and not known.words:
        yield from _cases_of_numbers(known)


def _cases_of_numbers(known: FeatureValues) -> Iterator[_Case]:
    limits = known.boundaries
    if limits:
        width = known.scale
        points = [limits[0] - width, *np.convolve(limits, [0.5, 0.5], "valid"), limits[-1] + width]
        for bucket, value in enumerate(points):
            yield _Case(f"bucket {bucket} of {len(points)}", _number(value, known))
    if _is_class(known):
        for value in _classes(known):
            yield _Case(str(value), value)
        return
    yield _Case("zero", _number(0.0, known), is_extreme=True)
    for name, side in (("very small", -_FAR), ("very large", _FAR)):
        yield _Case(name, _number(known.center + side * known.scale, known), is_extreme=True)


def _usual(known: FeatureValues, size: int, random: np.random.Generator) -> Values:
    feature = known.feature
    if known.words or feature.dtype == tf.string:
        words = known.words or _WORDS
        return tuple(words[index] for index in random.integers(len(words), size=size))
    if _is_class(known):
        return tuple(random.choice(_classes(known), size=size).tolist())
    # no two examples have a value in common, so that one feature is never mistaken for another
    values = known.center + known.scale * np.clip(random.standard_normal(size), -2, 2)
    return tuple(_number(value, known) for value in values.tolist())


def _is_class(known: FeatureValues) -> bool:
    """Whether a number is not a quantity, as far as the graph shows."""
    return known.feature.dtype.is_integer and not known.boundaries and known.scale == 1.0


def _classes(known: FeatureValues) -> Sequence[int]:
    """The values of an integer that is not a quantity."""
    if not known.num_classes:
        return [value for value in _INTEGERS if value <= known.highest]
    step = -(-known.num_classes // _MOST_CLASSES)
    return range(0, known.num_classes, step)


def _number(value: float, known: FeatureValues) -> float | int:
    """A number as a `tf.Example` holds it."""
    held = min(max(value, known.lowest), known.highest)
    return round(held) if known.feature.dtype.is_integer else float(np.float32(held))


def _size(feature: ParsedFeature) -> int:
    return int(np.prod([1 if size is None else size for size in feature.shape], dtype=int))


def _may_be_missing(feature: ParsedFeature) -> bool:
    is_open = feature.layout != Layout.DENSE or None in feature.shape
    return is_open or bool(feature.default)


def _feature(values: Values, dtype: tf.DType) -> tf.train.Feature:
    if dtype == tf.string:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if dtype.is_integer:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
