"""Measures how far outputs differ over many batches, with NumPy only."""

import dataclasses
import enum
import math
from collections.abc import Mapping, Sequence

import numpy as np

from tfx_tflite_component.verification.class_scores import ClassScores, Ids
from tfx_tflite_component.verification.columns import Batch, Columns, Rows

Arrays = Mapping[str, np.ndarray]

# how many of the worst examples of an output are named
_WORST = 5
# limits the memory for what is computed from them
_ELEMENTS_AT_ONCE = 2**21


@dataclasses.dataclass(frozen=True)
class OutputComparison:
    """One output of the TFLite model against the SavedModel's.

    A column is a position on the output's last axis. Ratios in decibels are signal to quantization
    noise ratios (SQNR), 10 log10(signal / noise): the noise is the sum of the squared differences;
    the signal is the sum of the squared distances of the SavedModel's values from their mean over
    the examples, so that a constant part does not count.

    Attributes:
        dtype: The dtype of both.
        is_per_example: Whether the first dimension is the batch. If not, "example" below means a
            call of the model, and means are taken for each column.
        magnitude: The largest finite absolute value that the SavedModel returned; 0 for strings.
        errors: The largest absolute difference in each example; 1 for strings and booleans that
            differ. Infinite where NaN is on one side only, or infinities differ.
        max_abs_error: The largest of these.
        worst_example: The position of the first example with that difference.
        mean_abs_error: The mean absolute difference over all elements.
        nan_count: The number of elements that are NaN in both. They count as equal.
        relative_error: The largest difference in a column, relative to the standard deviation of
            the SavedModel's values there or to 1% of the output's largest magnitude, whichever is
            larger; of the worst column. Differences up to 1e-6 do not count, nor, in float models,
            differences that the SavedModel's own rounding explains. Only this figure includes
            random inputs of unusual magnitudes. None unless numeric.
        sqnr_db: The SQNR of the output. None unless numeric, and if the SavedModel's values do not
            vary.
        worst_column: Of the columns that vary, the one with the smallest SQNR; None as above.
        worst_column_sqnr_db: Its SQNR.
        worst_tenth_sqnr_db: The SQNR of the tenth of the examples with the smallest ratio. The
            signal of an example is its distance from the median example or the typical such
            distance, whichever is larger, so that an outlier does not make other examples look
            better. If examples have more than 4,096 values, 4,096 random positions are measured.
            None as above.
        constant_columns: The columns that vary in the SavedModel and are constant in the TFLite
            model. If there are several columns with values in [0, 1], a column counts as varying
            only if its values are at least 0.02 apart.
        num_columns: The number of columns that vary in the SavedModel.
        cosine_similarity: The cosine of the angle between both as vectors; None unless numeric.
        argmax_agreement: The share of examples with the largest value in the same column. None
            unless the output is a float tensor [batch, two or more classes], and for sorted scores,
            such as those of top-k.
        equal_share: The share of equal elements; None for floats.
        top_k_overlap: For integers [batch, k] that differ within each example, such as the ids of
            top-k: the mean share of the SavedModel's ids that are among the TFLite model's. None
            otherwise.
        num_compared: The number of values that the figures are computed from: for numbers, those
            that are finite in both models.
    """

    dtype: str
    is_per_example: bool
    magnitude: float
    errors: tuple[float, ...]
    max_abs_error: float
    worst_example: int
    mean_abs_error: float
    nan_count: int
    relative_error: float | None
    sqnr_db: float | None
    worst_column: int | None
    worst_column_sqnr_db: float | None
    worst_tenth_sqnr_db: float | None
    constant_columns: tuple[int, ...]
    num_columns: int
    cosine_similarity: float | None
    argmax_agreement: float | None
    equal_share: float | None
    top_k_overlap: float | None
    num_compared: int

    @property
    def is_numeric(self) -> bool:
        """Whether the output holds numbers, not strings or booleans."""
        return self.cosine_similarity is not None

    @property
    def is_float(self) -> bool:
        """Whether it holds floats."""
        return self.equal_share is None


class Verdict(str, enum.Enum):
    """Whether a model is within its limits."""

    PASSED = "passed"
    WARNED = "passed with warnings"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Check:
    """One figure of an output that was held to a limit.

    Attributes:
        output: The name of the output.
        figure: The field of `OutputComparison` that was judged; for `constant_columns`, their share
            of the columns that vary.
        limit: The limit.
        measured: The figure.
        is_upper: Whether the limit is the largest value that passes, not the smallest.
        margin: How far the figure is inside the limit, in its own unit; negative if it exceeds the
            limit.
        is_default: Whether the limit is a default, and not the config's.
    """

    output: str
    figure: str
    limit: float
    measured: float
    is_upper: bool
    margin: float
    is_default: bool


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where an example is stored.

    Attributes:
        path: The file.
        record: Its position there, counted from 0, after the header of a CSV file.
    """

    path: str
    record: int


@dataclasses.dataclass(frozen=True)
class Verification:
    """The comparison of a TFLite model with the SavedModel.

    Attributes:
        inputs: "examples" if real examples were compared, "random inputs" otherwise.
        num_examples: The number of examples.
        num_calls: How often each model was called.
        outputs: The comparison of each output.
        sizes: For random inputs of open sizes, the shapes of the inputs in each call.
        kernel_differences: The outputs that XNNPACK's kernels and TFLite's own compute differently,
            with the largest difference. All other figures are measured with XNNPACK.
        kernel_errors: The largest difference of each numeric output between these kernels, relative
            to its largest magnitude.
        out_of_range: The inputs that leave the calibrated range, with the share of examples in
            which they do.
        precision: The least precise float dtype of the SavedModel: float32, float16 or bfloat16.
            With the latter two, its own rounding counts as a difference.
        verdict: Whether the limits are met; None before it is judged.
        checks: Each figure that was held to a limit.
        origins: Where the worst examples of each output are stored, by their number as text.
    """

    inputs: str
    num_examples: int
    outputs: Mapping[str, OutputComparison]
    num_calls: int = 0
    sizes: tuple[Mapping[str, tuple[int, ...]], ...] = ()
    kernel_differences: Mapping[str, float] = dataclasses.field(default_factory=dict)
    kernel_errors: Mapping[str, float] = dataclasses.field(default_factory=dict)
    out_of_range: Mapping[str, float] = dataclasses.field(default_factory=dict)
    precision: str = "float32"
    verdict: Verdict | None = None
    checks: tuple[Check, ...] = ()
    origins: Mapping[str, Origin] = dataclasses.field(default_factory=dict)


def worst_examples(errors: Sequence[float]) -> list[int]:
    """The examples with the largest errors, a few at most.

    Args:
        errors: The error of each example.
    """
    return sorted(range(len(errors)), key=lambda index: -errors[index])[:_WORST]


def with_origins(verification: Verification, origins: Sequence[Origin]) -> Verification:
    """A comparison that says where its worst examples are stored.

    Args:
        verification: The comparison.
        origins: Where each of the compared examples is stored; empty if that is not known.
    """
    outputs = verification.outputs.values()
    worst = {
        example: origins[example]
        for output in outputs
        for example in worst_examples(output.errors)
        if output.is_per_example and example < len(origins)
    }
    return dataclasses.replace(verification, origins={str(n): worst[n] for n in sorted(worst)})


def compare_outputs(
    expected: Sequence[Arrays], actual: Sequence[Arrays]
) -> dict[str, OutputComparison]:
    """Compares the outputs of two runs on the same inputs.

    Args:
        expected: An array [batch, ...] for each output, for each call.
        actual: The same of the other run, with the same dtypes and shapes.
    """
    sums = {name: Sums(array.dtype) for name, array in expected[0].items()}
    for wanted, found in zip(expected, actual, strict=True):
        for name, added in sums.items():
            added.add(wanted[name], found[name])
    return {name: added.comparison() for name, added in sums.items()}


class Sums:
    """Accumulates one output over calls, in memory that does not grow with their number."""

    def __init__(self, dtype: np.dtype, is_per_example: bool = True) -> None:
        """Starts without any call.

        Args:
            dtype: The output's dtype; object for strings.
            is_per_example: Whether its first dimension is the batch.
        """
        self._dtype = dtype
        self._is_numeric = np.issubdtype(dtype, np.number)
        self._is_float = self._is_numeric and not np.issubdtype(dtype, np.integer)
        self._is_per_example = is_per_example
        self._errors: list[float] = []
        self._abs_error = self._expected = self._actual = self._product = 0.0
        self._magnitude = 0.0
        self._elements = self._equal = self._nans = self._compared = 0
        self._columns, self._unusual = Columns(is_per_example), Columns(is_per_example)
        self._rows = Rows()
        self._scores, self._ids = ClassScores(), Ids()

    def add(
        self,
        expected: np.ndarray,
        actual: np.ndarray,
        is_unusual: bool = False,
        rounding: np.ndarray | None = None,
    ) -> None:
        """Adds the output of a call of each model, of the same shape.

        Args:
            expected: The SavedModel's.
            actual: The TFLite model's.
            is_unusual: Whether the inputs are random ones of an unusual magnitude.
            rounding: What counts as rounding in each column, the last axis; None for nothing.
        """
        rounding = np.zeros(1) if rounding is None else rounding
        expected, actual = np.atleast_1d(expected), np.atleast_1d(actual)
        add = self._add_unusual if is_unusual and self._is_numeric else self._add
        if not self._is_per_example:
            add(expected, actual, rounding)
            return
        step = max(1, _ELEMENTS_AT_ONCE * len(expected) // max(1, expected.size))
        for first in range(0, len(expected), step):
            add(expected[first : first + step], actual[first : first + step], rounding)

    def _add_unusual(self, expected: np.ndarray, actual: np.ndarray, rounding: np.ndarray) -> None:
        errors = _errors(expected, actual)
        if errors.size:
            self._unusual.add(_batch(expected, actual, errors, rounding))

    def _add(self, expected: np.ndarray, actual: np.ndarray, rounding: np.ndarray) -> None:
        errors = _errors(expected, actual)
        by_example = errors if self._is_per_example else errors[np.newaxis]
        self._errors += by_example.reshape(len(by_example), -1).max(axis=1, initial=0.0).tolist()
        self._abs_error += float(errors.sum())
        self._elements += errors.size
        self._equal += int((errors == 0).sum())
        if not self._is_numeric:
            self._compared += errors.size
        elif errors.size:
            self._add_numbers(expected, actual, errors, rounding)

    def _add_numbers(
        self, expected: np.ndarray, actual: np.ndarray, errors: np.ndarray, rounding: np.ndarray
    ) -> None:
        if self._is_float:
            self._nans += int((np.isnan(expected) & np.isnan(actual)).sum())
        if self._is_per_example and expected.ndim == 2 and expected.shape[1] > 1:
            (self._scores if self._is_float else self._ids).add(expected, actual)
        batch = _batch(expected, actual, errors, rounding)
        self._compared += int(batch.measured.sum())
        finite = np.where(np.isfinite(expected), _widened(expected), 0)
        self._magnitude = max(self._magnitude, float(np.abs(finite).max(initial=0)))
        self._expected += float(np.square(np.abs(batch.expected)).sum())
        self._actual += float(np.square(np.abs(batch.actual)).sum())
        self._product += float(np.vdot(batch.expected, batch.actual).real)
        self._columns.add(batch)
        if self._is_per_example:
            self._rows.add(batch)

    def comparison(self) -> OutputComparison:
        """The figures of all calls."""
        figures = self._columns.figures() if self._is_numeric else None
        relative = max(self._columns.relative_error(), self._unusual.relative_error())
        largest = max([*self._errors, math.inf if relative == math.inf else 0.0])
        varies = figures is not None and figures.sqnr_db is not None
        return OutputComparison(
            dtype="string" if self._dtype.kind in "OSU" else self._dtype.name,
            is_per_example=self._is_per_example,
            magnitude=self._magnitude,
            errors=tuple(self._errors),
            max_abs_error=largest,
            worst_example=int(np.argmax(self._errors)) if self._errors else 0,
            mean_abs_error=self._abs_error / max(self._elements, 1),
            nan_count=self._nans,
            relative_error=relative if self._is_numeric else None,
            sqnr_db=figures.sqnr_db if figures else None,
            worst_column=figures.worst_column if figures else None,
            worst_column_sqnr_db=figures.worst_column_sqnr_db if figures else None,
            worst_tenth_sqnr_db=self._rows.worst_tenth() if varies else None,
            constant_columns=figures.constant_columns if figures else (),
            num_columns=figures.num_columns if figures else 0,
            cosine_similarity=self._cosine() if self._is_numeric else None,
            argmax_agreement=self._scores.agreement(),
            equal_share=None if self._is_float else self._equal / max(self._elements, 1),
            top_k_overlap=self._ids.overlap(),
            num_compared=self._compared,
        )

    def _cosine(self) -> float:
        lengths = math.sqrt(self._expected) * math.sqrt(self._actual)
        # two zero vectors point the same way
        return self._product / lengths if lengths else float(self._expected == self._actual)


def _batch(
    expected: np.ndarray, actual: np.ndarray, errors: np.ndarray, rounding: np.ndarray
) -> Batch:
    # values that are not finite say nothing about the noise
    measured = np.isfinite(expected) & np.isfinite(actual)
    wanted, found = (np.where(measured, _widened(a), 0) for a in (expected, actual))
    return Batch(wanted, found, errors, measured, rounding)


def _widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.promote_types(array.dtype, np.float64))


def _errors(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    if not np.issubdtype(expected.dtype, np.number):
        return np.asarray(expected != actual, np.float64)
    with np.errstate(invalid="ignore"):
        difference = _difference(expected, actual)
    # equal infinities do not differ, nor do two NaN
    is_same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    return np.nan_to_num(np.where(is_same, 0.0, difference), nan=np.inf, posinf=np.inf)


def _difference(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    if np.issubdtype(expected.dtype, np.integer):
        # large integers would be equal as floats
        larger, smaller = np.maximum(expected, actual), np.minimum(expected, actual)
        return (larger.astype(np.uint64) - smaller.astype(np.uint64)).astype(np.float64)
    return np.abs(_widened(expected) - _widened(actual))
