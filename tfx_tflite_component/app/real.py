"""Chooses real examples that cover the features of a model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

_QUANTILES = 10


def covering(examples: Sequence[bytes], count: int) -> list[tuple[tuple[str, ...], bytes]]:
    """The examples that together cover most: missing values, words, and the ranges of numbers.

    Args:
        examples: Serialized `tf.Example`s.
        count: The largest number of examples to choose.

    Returns:
        The cases that each covers, and the example; the one that covers most comes first.
    """
    traits = _traits(examples)
    chosen: list[tuple[tuple[str, ...], bytes]] = []
    seen: set[str] = set()
    left = list(range(len(examples)))
    while left and len(chosen) < count:
        best = max(left, key=lambda row: (len(traits[row] - seen), -row))
        left.remove(best)
        chosen.append((tuple(sorted(traits[best] - seen)), examples[best]))
        seen |= traits[best]
    return chosen


def _traits(examples: Sequence[bytes]) -> list[set[str]]:
    """The cases that each example covers."""
    parsed = [tf.train.Example.FromString(example).features.feature for example in examples]
    names = sorted({name for features in parsed for name in features})
    limits = {name: _limits(parsed, name) for name in names}
    return [
        {
            f"{name}: {trait}"
            for name in names
            for trait in _shown(values_of(features, name), limits[name])
        }
        for features in parsed
    ]


def _limits(parsed: Sequence[Mapping[str, tf.train.Feature]], name: str) -> np.ndarray:
    """Quantiles of a feature's numbers; empty for words."""
    values = [value for features in parsed for value in values_of(features, name)]
    numbers = [value for value in values if not isinstance(value, bytes)]
    if not numbers:
        return np.array([])
    return np.unique(np.quantile(numbers, np.linspace(0, 1, _QUANTILES + 1)))


def values_of(features: Mapping[str, tf.train.Feature], name: str) -> list[Any]:
    """The values of a feature of a `tf.Example`; none if it is missing."""
    kind = features[name].WhichOneof("kind") if name in features else None
    return list(getattr(features[name], kind).value) if kind else []


def _shown(values: Sequence[Any], limits: np.ndarray) -> Iterator[str]:
    if not values:
        yield "missing"
    for value in values:
        if isinstance(value, bytes):
            yield f"word {value.decode(errors='replace')}"
        else:
            yield f"range {int(np.searchsorted(limits, value, 'right'))} of {len(limits)}"
