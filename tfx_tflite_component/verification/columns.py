"""Signal and noise of numeric outputs, by columns and by examples."""

import dataclasses
import math
import warnings

import numpy as np

_FLAT = 1e-6
"""How much a constant can vary by float32 rounding, relative to its magnitude."""

NEGLIGIBLE_ERROR = 1e-6
"""Differences up to this do not count in `relative_error`: values cancel out to rounding noise."""

_SHARE_OF_MAGNITUDE = 0.01
_NEGLIGIBLE_PROBABILITY = 0.02
_MAX_POSITIONS = 4096
_SEED = 0


def decibels(signal: float, noise: float) -> float:
    """10 log10(signal / noise); infinite without noise."""
    if noise == 0:
        return math.inf
    if not 0 < signal < math.inf or noise == math.inf:
        return -math.inf
    return 10 * math.log10(signal / noise)


@dataclasses.dataclass(frozen=True)
class Figures:
    """The figures of `OutputComparison` that are taken by columns."""

    sqnr_db: float | None
    worst_column: int | None
    worst_column_sqnr_db: float | None
    constant_columns: tuple[int, ...]
    num_columns: int


@dataclasses.dataclass(frozen=True)
class Batch:
    """Numeric outputs of both models.

    Attributes:
        expected: The SavedModel's values; zero where they are not measured.
        actual: The TFLite model's, likewise.
        errors: How far they differ.
        measured: Whether a value is finite in both models.
        rounding: What counts as rounding in each column.
    """

    expected: np.ndarray
    actual: np.ndarray
    errors: np.ndarray
    measured: np.ndarray
    rounding: np.ndarray

    def in_rows_of(self, width: int) -> "Batch":
        """The same values, with so many in each row."""
        return dataclasses.replace(
            self,
            expected=self.expected.reshape(-1, width),
            actual=self.actual.reshape(-1, width),
            errors=self.errors.reshape(-1, width),
            measured=self.measured.reshape(-1, width),
        )


class Columns:
    """Adds up signal and noise for each column, the last axis of an output."""

    def __init__(self, is_per_example: bool) -> None:
        self._is_per_example = is_per_example
        # calls with open sizes have several shapes
        self._groups: dict[tuple[int, ...], _Group] = {}

    def add(self, batch: Batch) -> None:
        """Adds a batch."""
        shape = batch.expected.shape[1:]
        width = shape[-1] if shape else 1
        key = shape if self._is_per_example else (width,)
        flat = batch.in_rows_of(math.prod(key))
        if key not in self._groups:
            self._groups[key] = _Group(flat.expected, width)
        self._groups[key].add(flat)

    def figures(self) -> Figures:
        """The figures of all batches."""
        groups = list(self._groups.values())
        by_column = {
            (index, column): decibels(group.signal[column], group.noise[column])
            for index, group in enumerate(groups)
            for column in np.flatnonzero(group.varies())
        }
        worst = min(by_column, key=lambda place: by_column[place], default=None)
        noise = sum(float(group.noise.sum()) for group in groups)
        signal = sum(float(group.signal.sum()) for group in groups)
        constant = {c for group in groups for c in np.flatnonzero(group.became_constant())}
        return Figures(
            sqnr_db=decibels(signal, noise) if by_column else None,
            worst_column=None if worst is None else int(worst[1]),
            worst_column_sqnr_db=None if worst is None else by_column[worst],
            constant_columns=tuple(sorted(int(column) for column in constant)),
            num_columns=len({column for _, column in by_column}),
        )

    def relative_error(self) -> float:
        """As in `OutputComparison`."""
        return max((group.relative_error() for group in self._groups.values()), default=0.0)


class _Group:
    """The sums of all batches of one shape."""

    def __init__(self, first: np.ndarray, width: int) -> None:
        # subtracted from all values, so that a large constant part does not cost digits
        self._shift = first[0].copy()
        self._width = width
        self._count = np.zeros(len(self._shift))
        self._sum = np.zeros_like(self._shift)
        self._squares = np.zeros(len(self._shift))
        self.noise = np.zeros(width)
        self._largest_error = np.zeros(width)
        self._limits = np.full([4, width], -np.inf)

    def add(self, batch: Batch) -> None:
        expected, actual = batch.expected, batch.actual
        distances = np.where(batch.measured, expected - self._shift, 0)
        self._count += batch.measured.sum(axis=0)
        self._sum += distances.sum(axis=0)
        self._squares += np.square(np.abs(distances)).sum(axis=0)
        by_column = batch.errors.reshape(-1, self._width)
        self.noise += np.square(by_column).sum(axis=0)
        beyond = np.maximum(by_column.max(axis=0) - batch.rounding, 0)
        self._largest_error = np.maximum(self._largest_error, beyond)
        is_measured = batch.measured.reshape(-1, self._width)
        for index, array in enumerate([expected, -expected, actual, -actual]):
            values = np.where(is_measured, array.real.reshape(-1, self._width), -np.inf)
            self._limits[index] = np.maximum(self._limits[index], values.max(axis=0))

    @property
    def signal(self) -> np.ndarray:
        """The sum of the squared distances from the mean, for each column."""
        means = np.square(np.abs(self._sum)) / np.maximum(self._count, 1)
        by_position = np.maximum(self._squares - means, 0)
        signal = by_position.reshape(-1, self._width).sum(axis=0)
        flat = np.square(_FLAT * self._magnitude) * self._counts
        return np.where(signal > flat, signal, 0)

    def varies(self) -> np.ndarray:
        return self.signal > 0

    def relative_error(self) -> float:
        spread = np.sqrt(self.signal / np.maximum(self._counts, 1))
        scale = np.maximum(spread, _SHARE_OF_MAGNITUDE * self._magnitude.max(initial=0))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = self._largest_error / scale
        return float(np.where(self._largest_error > NEGLIGIBLE_ERROR, ratios, 0).max(initial=0))

    def became_constant(self) -> np.ndarray:
        high, low, found_high, found_low = self._limits * [[1], [-1], [1], [-1]]
        is_probability = high.max() <= 1 and low.min() >= 0 and self._width > 1
        least = _NEGLIGIBLE_PROBABILITY if is_probability else 0.0
        with np.errstate(invalid="ignore"):
            return self.varies() & (found_high == found_low) & (high - low > least)

    @property
    def _counts(self) -> np.ndarray:
        return self._count.reshape(-1, self._width).sum(axis=0)

    @property
    def _magnitude(self) -> np.ndarray:
        limits = self._limits[:2]
        return np.abs(np.where(np.isfinite(limits), limits, 0)).max(axis=0)


class Rows:
    """Keeps what the examples with the smallest ratio of signal to noise are found by."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray]]] = {}

    def add(self, batch: Batch) -> None:
        """Adds a batch."""
        shape = batch.expected.shape[1:]
        count, positions = len(batch.expected), math.prod(shape)
        chosen: slice | np.ndarray = slice(None)
        if positions > _MAX_POSITIONS:
            random = np.random.default_rng(_SEED)
            chosen = random.choice(positions, _MAX_POSITIONS, replace=False)
        values, noise = (
            array.reshape(count, positions)[:, chosen]
            for array in (
                np.where(batch.measured, batch.expected, np.nan),
                np.square(batch.errors),
            )
        )
        self._kept.setdefault(shape, []).append((values, noise.sum(axis=1)))

    def worst_tenth(self) -> float | None:
        """The SQNR of the worst tenth of the examples; None for fewer than two."""
        signals, noises = [], []
        for kept in self._kept.values():
            values = np.concatenate([values for values, _ in kept])
            # an outlier moves the mean
            distances = values - _medians(values)
            signals.append(np.nansum(np.square(np.abs(distances)), axis=1))
            noises += [noise for _, noise in kept]
        if sum(map(len, signals)) < 2:
            return None
        signal, noise = np.concatenate(signals), np.concatenate(noises)
        signal = np.maximum(signal, np.median(signal))
        if not signal.any():
            return None
        ratios = noise / np.maximum(signal, np.finfo(np.float64).tiny)
        worst = np.argsort(-ratios, kind="stable")[: math.ceil(len(ratios) / 10)]
        return decibels(float(signal[worst].sum()), float(noise[worst].sum()))


def _medians(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        # a position may have no finite value at all
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(values, axis=0) if values.dtype.kind == "f" else np.nanmean(values, 0)
