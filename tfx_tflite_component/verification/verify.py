"""Holds a TFLite model to the SavedModel that it came from, number by number."""

import dataclasses
import decimal
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ConfigError, ExamplesError, VerificationError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.report.text import percent
from tfx_tflite_component.samples.feed import call
from tfx_tflite_component.samples.random_examples import random_examples, random_tensors
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel

FLOAT_TOLERANCE = 1e-4
"""The default for float models: the largest error, relative to an output's largest magnitude or
to 1 where that is smaller."""

_RANDOM_EXAMPLES = 16
_BATCH_SIZE = 32
_SEED = 0


@dataclasses.dataclass(frozen=True)
class OutputComparison:
    """One output of the TFLite model against the SavedModel's.

    Attributes:
        dtype: The dtype of both.
        magnitude: The largest finite absolute value that the SavedModel gave; 0 for strings.
        errors: The largest absolute difference in each example; 1 for strings and truth values that
            differ. NaN never matches: it makes this infinite.
        max_abs_error: The largest of these.
        worst_example: The position of the example where it is largest.
        mean_abs_error: The mean absolute difference over all elements.
        sqnr_db: The signal to quantization noise ratio in decibels, 10 log10(sum of the squares of
            what the SavedModel gave / sum of the squares of the differences); None unless numeric.
        cosine_similarity: The cosine of the angle between both as vectors; None unless numeric.
        argmax_agreement: The share of examples with the largest value in the same place; None
            unless the output is [batch, classes].
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
    """What a verification found.

    Attributes:
        inputs: "examples" if real examples were compared, "random inputs" otherwise.
        num_examples: How many.
        outputs: The comparison of each output.
    """

    inputs: str
    num_examples: int
    outputs: Mapping[str, OutputComparison]


@dataclasses.dataclass(frozen=True)
class Batch:
    """A batch of inputs, twice.

    Attributes:
        given: As the signature takes them.
        taken: As the tail takes them.
        count: The number of examples; what comes after them fills up a fixed batch size.
    """

    given: Arrays
    taken: Arrays
    count: int


def batches(split: Split, batch_size: int, examples: Sequence[bytes] | None) -> Iterator[Batch]:
    """What to run the two models on.

    Args:
        split: The signature's two parts.
        batch_size: The batch size of the TFLite model; 0 if it is dynamic.
        examples: Serialized `tf.Example`s; None for random inputs.

    Raises:
        ExamplesError: The head refuses the examples, or there is none.
    """
    if examples is None and split.boundary is Boundary.SIGNATURE:
        tensors = random_tensors(split.tail.specs, _RANDOM_EXAMPLES, _SEED)
        yield Batch(tensors, tensors, batch_size or _RANDOM_EXAMPLES)
        return
    if examples is None:
        examples = _random_examples(split)
    if split.head is None:
        raise ExamplesError(
            "The signature takes a tensor that no tf.Example can hold, so that the TFLite model "
            "cannot be compared on examples. Leave out the component's `examples` to compare it on "
            "random inputs."
        )
    size = batch_size or _BATCH_SIZE
    for start in range(0, len(examples), size):
        batch = list(examples[start : start + size])
        padding = [batch[-1]] * (size - len(batch)) if batch_size else []
        serialized = {"examples": np.array(batch + padding, dtype=object)}
        given = call(split.head.feed, serialized, "the head", start)
        taken = call(split.head.function, serialized, "the head", start)
        yield Batch(given, taken, len(batch))


def _random_examples(split: Split) -> list[bytes]:
    if not split.features:
        raise ExamplesError(
            "The signature parses its examples in a way that does not tell what they hold, so that "
            "no random ones can be made to compare the TFLite model on. Connect `examples`."
        )
    return random_examples(split.features, _RANDOM_EXAMPLES, _SEED)


def verify(
    signature: ConcreteFunction,
    split: Split,
    model: TFLiteModel,
    examples: Sequence[bytes] | None,
) -> Verification:
    """Runs the same inputs through the SavedModel and through head and TFLite model.

    Args:
        signature: The signature of the SavedModel.
        split: The signature's two parts.
        model: The TFLite model made of the tail.
        examples: Serialized `tf.Example`s; None for random inputs.

    Returns:
        The comparison of every output, however large the differences.

    Raises:
        ExamplesError: There are no examples, or the head or the SavedModel refuses them.
        VerificationError: The TFLite model cannot be run, or gives outputs of another dtype or
            shape than the SavedModel.
    """
    sums: dict[str, _Sums] = {}
    count = 0
    for batch in batches(split, model.batch_size, examples):
        expected = call(signature, batch.given, "the SavedModel", count)
        actual = _run(model, batch.taken)
        for name in sorted(expected):
            _check_same_kind(name, expected[name], actual[name])
            added = sums.setdefault(name, _Sums(expected[name].dtype))
            added.add(
                *(np.atleast_1d(array)[: batch.count] for array in (expected[name], actual[name]))
            )
        count += batch.count
    if not count:
        raise ExamplesError("There is no example to compare the TFLite model on.")
    return Verification(
        inputs="random inputs" if examples is None else "examples",
        num_examples=count,
        outputs={name: added.comparison() for name, added in sums.items()},
    )


def compare_outputs(
    expected: Sequence[Arrays], actual: Sequence[Arrays]
) -> dict[str, OutputComparison]:
    """Compares the outputs of two runs on the same inputs.

    Args:
        expected: An array [batch, ...] for each output, for each call.
        actual: The same of the other run, with the same dtypes and shapes.
    """
    sums = {name: _Sums(array.dtype) for name, array in expected[0].items()}
    for wanted, found in zip(expected, actual, strict=True):
        for name, added in sums.items():
            added.add(np.atleast_1d(wanted[name]), np.atleast_1d(found[name]))
    return {name: added.comparison() for name, added in sums.items()}


def _run(model: TFLiteModel, inputs: Arrays) -> dict[str, np.ndarray]:
    try:
        return model(inputs)
    except (RuntimeError, ValueError) as e:
        raise VerificationError(
            f"The TFLite model cannot be run on what the SavedModel runs on: {e}. Nothing was "
            "published."
        ) from e


def failures(
    verification: Verification, limits: config_pb2.Verification, is_float: bool
) -> list[str]:
    """What exceeds the limits, in words.

    Args:
        verification: What was found.
        limits: The limits of the config.
        is_float: Whether the model is a float model, which has a default limit.

    Raises:
        ConfigError: A limit is set for an output that is not there, or that it cannot be set for.
    """
    unknown = sorted(limits.outputs.keys() - verification.outputs.keys())
    if unknown:
        raise ConfigError(
            f"verification.outputs: the model has no output {listed(unknown)}; it has "
            f"{listed(verification.outputs)}."
        )
    _check_applicable(verification, limits)
    found = []
    for name, output in verification.outputs.items():
        for failure in _output_failures(output, limits, limits.outputs.get(name), is_float):
            found.append(f"output {name!r} ({output.dtype}): {failure}")
    return found


def _check_same_kind(name: str, expected: np.ndarray, actual: np.ndarray) -> None:
    found, wanted = (f"{array.dtype} {list(array.shape)}" for array in (actual, expected))
    if found != wanted:
        raise VerificationError(
            f"Output {name!r} of the TFLite model is {found}, the SavedModel's is {wanted}. "
            "Nothing was published."
        )


class _Sums:
    """What of one output adds up over batches."""

    def __init__(self, dtype: np.dtype) -> None:
        self._dtype = dtype
        self._is_numeric = np.issubdtype(dtype, np.number)
        self._errors: list[float] = []
        self._magnitude = self._abs_error = self._noise = 0.0
        self._expected = self._actual = self._product = 0.0
        self._elements = 0
        self._agreements: list[bool] = []

    def add(self, expected: np.ndarray, actual: np.ndarray) -> None:
        errors = _errors(expected, actual)
        self._errors += errors.reshape(len(errors), -1).max(axis=1, initial=0.0).tolist()
        self._abs_error += errors.sum()
        self._elements += errors.size
        if not self._is_numeric:
            return
        if expected.ndim == 2 and expected.shape[1] > 1:
            self._agreements += _agreements(expected, actual)
        # equal infinities say nothing about how loud the noise is
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
        return OutputComparison(
            dtype=tf.dtypes.as_dtype(self._dtype).name,
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
    """Whether the largest value is in the same place, for each example."""
    # argmax takes NaN for the largest
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
        # floats do not tell large integers apart
        larger, smaller = np.maximum(expected, actual), np.minimum(expected, actual)
        return (larger.astype(np.uint64) - smaller.astype(np.uint64)).astype(np.float64)
    return np.abs(_widened(expected) - _widened(actual))


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return (
        10 * math.log10(signal / noise) if 0 < signal < math.inf and noise < math.inf else -math.inf
    )


def _check_applicable(verification: Verification, limits: config_pb2.Verification) -> None:
    """Refuses limits that nothing would be held to."""
    for field, measure, what in [
        ("max_abs_error", "sqnr_db", "numeric"),
        (
            "min_argmax_agreement",
            "argmax_agreement",
            "[batch, two or more classes]",
        ),
        ("min_sqnr_db", "sqnr_db", "numeric"),
    ]:
        able = [name for name, o in verification.outputs.items() if getattr(o, measure) is not None]
        # a word or truth value has an error as well, which a limit of its own can be about
        asked = [
            name
            for name, own in limits.outputs.items()
            if own.HasField(field) and field != "max_abs_error"
        ]
        if limits.HasField(field) and not able:
            raise ConfigError(
                f"verification.{field} is set, but no output is {what}. Leave it out."
            )
        for name in set(asked) - set(able):
            raise ConfigError(
                f"verification.outputs[{name!r}].{field} is set, but it is not {what}. Leave it "
                "out."
            )


def _output_failures(
    output: OutputComparison,
    general: config_pb2.Verification,
    own: config_pb2.Limits | None,
    is_float: bool,
) -> Iterator[str]:
    def limit(field: str) -> float | None:
        for limits in (own, general):
            if limits is not None and limits.HasField(field):
                return getattr(limits, field)
        return None

    # words and truth values are the same or are not, whatever numbers may differ by
    is_held = output.sqnr_db is not None or (own is not None and own.HasField("max_abs_error"))
    largest = limit("max_abs_error") if is_held else None
    if largest is None and is_float:
        largest = FLOAT_TOLERANCE * max(1.0, output.magnitude)
    if math.isinf(output.max_abs_error):
        yield (
            f"NaN, or infinite in one of both alone, at example {output.worst_example}; no "
            "max_abs_error passes"
        )
    elif largest is not None and output.max_abs_error > largest:
        yield (
            f"differs by {output.max_abs_error:.3g} at example {output.worst_example}, allowed is "
            f"{largest:.3g}; the smallest max_abs_error that passes is {_up(output.max_abs_error)}"
        )
    agreement, least = output.argmax_agreement, limit("min_argmax_agreement")
    if least is not None and agreement is not None and agreement < least:
        yield (
            f"the largest value is in the same place in {percent(agreement)} of the examples, "
            f"asked for are {percent(least)}; the min_argmax_agreement that passes is "
            f"{_down(agreement)}"
        )
    sqnr, least = output.sqnr_db, limit("min_sqnr_db")
    if least is not None and sqnr is not None and sqnr < least:
        yield (
            f"the SQNR is {sqnr:.1f} dB, asked for are {least:.1f} dB; the min_sqnr_db that passes "
            f"is {_down(sqnr)}"
        )


def _up(value: float) -> str:
    """Four digits, rounded so that it passes as a largest value."""
    return _rounded(value, decimal.ROUND_CEILING)


def _down(value: float) -> str:
    return _rounded(value, decimal.ROUND_FLOOR)


def _rounded(value: float, rounding: str) -> str:
    return str(decimal.Context(prec=4, rounding=rounding).create_decimal(value))
