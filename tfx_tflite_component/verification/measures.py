"""Measures the differences of two outputs over many batches, with NumPy and without a model."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class OutputComparison:
    """One output of the TFLite model against the SavedModel's.

    Attributes:
        dtype: The dtype of both outputs.
        magnitude: The largest finite absolute value of the SavedModel's output; 0 for strings.
        errors: The largest absolute difference in each example; 1 for mismatched strings and
            booleans. NaN never matches: it makes this infinite.
        max_abs_error: The largest of these.
        worst_example: The position of the example with the largest difference.
        mean_abs_error: The mean absolute difference over all elements.
        sqnr_db: The signal to quantization noise ratio in decibels, 10 log10(sum of the squares of
            the SavedModel's values / sum of the squares of the differences); None unless numeric.
        cosine_similarity: The cosine of the angle between both outputs as vectors; None unless
            numeric.
        argmax_agreement: The share of examples with the same argmax; None unless the output is
            [batch, classes].
    """

    dtype: str
    magnitude: float
    errors: tuple[float, ...]
    max_abs_error: float
    worst_example: int
    mean_abs_error: float
    sqnr_db: float | None
    cosine_similarity: float | None
    argmax_agreement: float | None


@dataclasses.dataclass(frozen=True)
class Verification:
    """The result of a verification.

    Attributes:
        inputs: "examples" if real examples were compared, "random inputs" otherwise.
        num_examples: The number of compared examples.
        outputs: The comparison of each output.
    """

    inputs: str
    num_examples: int
    outputs: Mapping[str, OutputComparison]


def compare_outputs(
    expected: Sequence[Mapping[str, np.ndarray]], actual: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, OutputComparison]:
    """Compares the outputs of two runs on the same inputs.

    Args:
        expected: An array [batch, ...] for each output, for each call.
        actual: The same of the other run, with the same dtypes and shapes.
    """
    sums = {name: Sums(array.dtype) for name, array in expected[0].items()}
    for wanted, found in zip(expected, actual, strict=True):
        for name, added in sums.items():
            added.add(np.atleast_1d(wanted[name]), np.atleast_1d(found[name]))
    return {name: added.comparison() for name, added in sums.items()}


class Sums:
    """The running sums of one output over batches."""

    def __init__(self, dtype: np.dtype) -> None:
        self._dtype = dtype
        self._is_numeric = np.issubdtype(dtype, np.number)
        self._errors: list[float] = []
        self._magnitude = self._abs_error = self._noise = 0.0
        self._expected = self._actual = self._product = 0.0
        self._elements = 0
        self._agreements: list[bool] = []

    def add(self, expected: np.ndarray, actual: np.ndarray) -> None:
        """Adds a batch: an array [examples, ...] of each model."""
        errors = _errors(expected, actual)
        self._errors += errors.reshape(len(errors), -1).max(axis=1, initial=0.0).tolist()
        self._abs_error += errors.sum()
        self._elements += errors.size
        if not self._is_numeric:
            return
        if expected.ndim == 2 and expected.shape[1] > 1:
            self._agreements += _agreements(expected, actual)
        # equal infinities contain no information about the noise
        measured = np.isfinite(expected) | (expected != actual)
        expected, actual = (_widened(array)[measured] for array in (expected, actual))
        self._magnitude = max(
            self._magnitude, np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
        )
        self._noise += np.square(errors).sum()
        self._expected += np.square(np.abs(expected)).sum()
        self._actual += np.square(np.abs(actual)).sum()
        self._product += np.abs(np.vdot(expected, actual)) * np.sign(np.vdot(expected, actual).real)

    def comparison(self) -> OutputComparison:
        """The measures over all batches."""
        return OutputComparison(
            dtype=_name(self._dtype),
            magnitude=float(self._magnitude),
            errors=tuple(self._errors),
            max_abs_error=max(self._errors),
            worst_example=self._errors.index(max(self._errors)),
            mean_abs_error=float(self._abs_error / max(self._elements, 1)),
            sqnr_db=_decibels(self._expected, self._noise) if self._is_numeric else None,
            cosine_similarity=self._cosine() if self._is_numeric else None,
            argmax_agreement=float(np.mean(self._agreements)) if self._agreements else None,
        )

    def _cosine(self) -> float:
        lengths = math.sqrt(self._expected) * math.sqrt(self._actual)
        # two zero vectors point the same way
        return float(self._product) / lengths if lengths else float(self._noise == 0)


def _agreements(expected: np.ndarray, actual: np.ndarray) -> list[bool]:
    """Whether the argmax is the same, for each example."""
    # argmax treats NaN as the largest value
    has_nan = (np.isnan(expected) | np.isnan(actual)).any(axis=1)
    return ((expected.argmax(axis=1) == actual.argmax(axis=1)) & ~has_nan).tolist()


def _widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.promote_types(array.dtype, np.float64))


def _errors(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    if not np.issubdtype(expected.dtype, np.number):
        return np.asarray(expected != actual, np.float64)
    with np.errstate(invalid="ignore"):
        difference = _difference(expected, actual)
    # equal infinities do not differ, and NaN matches nothing
    difference = np.where(expected == actual, 0.0, difference)
    return np.nan_to_num(difference, nan=np.inf, posinf=np.inf)


def _difference(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    if np.issubdtype(expected.dtype, np.integer):
        # floats cannot represent large integers exactly
        larger, smaller = np.maximum(expected, actual), np.minimum(expected, actual)
        return (larger.astype(np.uint64) - smaller.astype(np.uint64)).astype(np.float64)
    return np.abs(_widened(expected) - _widened(actual))


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return (
        10 * math.log10(signal / noise) if 0 < signal < math.inf and noise < math.inf else -math.inf
    )


def _name(dtype: np.dtype) -> str:
    return "string" if dtype.kind == "O" else dtype.name
