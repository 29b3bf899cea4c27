"""Measures for classes only: where the largest score is, and which ids are on top."""

import math

import numpy as np

# 1 in 1,000 that rows are sorted by chance
_SURE_BITS = 10.0
_FEWEST_ROWS = 4


class ClassScores:
    """Whether the largest of some scores is in the same place, for rows [batch, classes]."""

    def __init__(self) -> None:
        self._agreements: list[bool] = []
        self._are_sorted = self._add_up_to_one = True
        self._width = 0

    def add(self, expected: np.ndarray, actual: np.ndarray) -> None:
        """Adds a batch of scores of each model."""
        # argmax takes NaN for the largest
        has_nan = (np.isnan(expected) | np.isnan(actual)).any(axis=1)
        same = expected.argmax(axis=1) == actual.argmax(axis=1)
        self._agreements += (same & ~has_nan).tolist()
        self._are_sorted &= all(_is_sorted(scores) for scores in (expected, actual))
        self._add_up_to_one &= bool(np.allclose(expected.sum(axis=1), 1, atol=1e-3))
        self._width = expected.shape[1]

    def agreement(self) -> float | None:
        """The share of rows; None if there is none, or if the scores are those of top-k."""
        if not self._agreements or self._is_top_k():
            return None
        return float(np.mean(self._agreements))

    def _is_top_k(self) -> bool:
        # with two classes, one may always be more likely
        if not self._are_sorted or (self._width == 2 and self._add_up_to_one):
            return False
        bits_a_row = math.lgamma(self._width + 1) / math.log(2)
        return bits_a_row * len(self._agreements) >= _SURE_BITS


class Ids:
    """How many of the ids in each row are the same, for rows [batch, k] of distinct integers."""

    def __init__(self) -> None:
        self._overlaps: list[float] = []
        self._are_distinct = True

    def add(self, expected: np.ndarray, actual: np.ndarray) -> None:
        """Adds a batch of ids of each model."""
        for wanted, found in zip(expected.tolist(), actual.tolist(), strict=True):
            self._are_distinct &= len(set(wanted)) == len(wanted)
            self._overlaps.append(len(set(wanted) & set(found)) / len(wanted))

    def overlap(self) -> float | None:
        """The mean share of the ids; None if these are not ids of top-k."""
        if not self._are_distinct or len(self._overlaps) < _FEWEST_ROWS:
            return None
        return float(np.mean(self._overlaps))


def _is_sorted(scores: np.ndarray) -> bool:
    return bool((scores[:, 1:] <= scores[:, :-1]).all())
