"""Holds a TFLite model to the SavedModel that it came from, number by number."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ExamplesError, VerificationError
from tfx_tflite_component.random_inputs import random_examples, random_tensors
from tfx_tflite_component.runtime import Arrays, TFLiteModel
from tfx_tflite_component.split.boundary import Split
from tfx_tflite_component.split.graph import ConcreteFunction

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
        max_abs_error: The largest absolute difference; 1 for strings and truth values that differ.
            NaN never matches: it makes this infinite.
        worst_example: The position of the example where it is largest.
        magnitude: The largest finite absolute value that the SavedModel gave; 0 for strings.
    """

    dtype: str
    max_abs_error: float
    worst_example: int
    magnitude: float


@dataclasses.dataclass(frozen=True)
class Verification:
    """What a verification found.

    Attributes:
        inputs: "examples" if real examples were compared, "random" otherwise.
        num_examples: How many.
        outputs: The comparison of each output.
    """

    inputs: str
    num_examples: int
    outputs: Mapping[str, OutputComparison]


@dataclasses.dataclass(frozen=True)
class _Batch:
    """The same inputs as the signature and as the tail take them; all after `count` is padding."""

    given: Arrays
    taken: Arrays
    count: int


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
        VerificationError: The model gives outputs of another dtype or shape than the SavedModel.
    """
    comparisons: dict[str, list[OutputComparison]] = {}
    count = 0
    for batch in _batches(signature, split, model.batch_size, examples):
        expected = _run(signature, batch.given, "the SavedModel")
        actual = model(batch.taken)
        for name in expected:
            comparison = _compared(name, expected[name], actual[name], batch.count, count)
            comparisons.setdefault(name, []).append(comparison)
        count += batch.count
    if not count:
        raise ExamplesError("There is no example to compare the TFLite model on.")
    return Verification(
        inputs="random" if examples is None else "examples",
        num_examples=count,
        outputs={name: _merged(parts) for name, parts in comparisons.items()},
    )


def check_float(verification: Verification) -> None:
    """Refuses a float model that does not agree with its SavedModel.

    Raises:
        VerificationError: An output differs by more than `FLOAT_TOLERANCE` allows.
    """
    for name, output in verification.outputs.items():
        allowed = FLOAT_TOLERANCE * max(1.0, output.magnitude)
        if not output.max_abs_error <= allowed:
            raise VerificationError(
                f"Output {name!r} ({output.dtype}) of the TFLite model differs from the SavedModel "
                f"by {output.max_abs_error:.3g} at example {output.worst_example} of "
                f"{verification.num_examples} ({verification.inputs}); {allowed:.3g} is allowed."
            )


def _batches(
    signature: ConcreteFunction, split: Split, batch_size: int, examples: Sequence[bytes] | None
) -> Iterator[_Batch]:
    if examples is None and not split.features:
        tensors = random_tensors(split.tail.specs, _RANDOM_EXAMPLES, _SEED)
        yield _Batch(tensors, tensors, batch_size or _RANDOM_EXAMPLES)
        return
    if examples is None:
        examples = random_examples(split.features, _RANDOM_EXAMPLES, _SEED)
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
        serialized = np.array(batch + padding, dtype=object)
        taken = _run(split.head, {"examples": serialized}, "the head")
        (name, *_) = signature.structured_input_signature[1]
        yield _Batch({name: serialized} if split.features else taken, taken, len(batch))


def _run(function: ConcreteFunction, inputs: Arrays, what: str) -> dict[str, np.ndarray]:
    try:
        outputs = function(**{name: tf.constant(array) for name, array in inputs.items()})
    except tf.errors.OpError as e:
        raise ExamplesError(
            f"The examples that the TFLite model is compared on make {what} fail: {_reason(e)}. "
            "Connect `examples` that the Trainer's model takes; without, the comparison is on "
            "random inputs, which not every model stands."
        ) from e
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _reason(error: tf.errors.OpError) -> str:
    """The line of TensorFlow's message that says what happened, without the trace around it."""
    lines = [line.partition(" [Op:")[0].strip() for line in error.message.splitlines()]
    return [line for line in lines if line and not line.startswith("[[")][-1]


def _compared(
    name: str, expected: np.ndarray, actual: np.ndarray, count: int, first: int
) -> OutputComparison:
    """Compares one output over one batch whose first example has the position `first`."""
    found, wanted = (f"{array.dtype} {list(array.shape)}" for array in (actual, expected))
    if found != wanted:
        raise VerificationError(
            f"Output {name!r} of the TFLite model is {found}, the SavedModel's is {wanted}."
        )
    # an output without a batch dimension counts as one example
    errors = np.atleast_1d(_errors(expected, actual))[:count]
    per_example = errors.reshape(len(errors), -1).max(axis=1, initial=0.0)
    worst = int(per_example.argmax())
    return OutputComparison(
        dtype=tf.dtypes.as_dtype(expected.dtype).name,
        max_abs_error=float(per_example[worst]),
        worst_example=first + worst,
        magnitude=_magnitude(expected),
    )


def _errors(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    if not np.issubdtype(expected.dtype, np.number):
        return np.asarray(expected != actual, np.float64)
    wide = np.promote_types(expected.dtype, np.float64)
    with np.errstate(invalid="ignore"):
        difference = np.abs(expected.astype(wide) - actual.astype(wide))
    # equal infinities do not differ, and NaN matches nothing
    difference = np.where(expected == actual, 0.0, difference)
    return np.nan_to_num(difference, nan=np.inf, posinf=np.inf)


def _magnitude(values: np.ndarray) -> float:
    if not np.issubdtype(values.dtype, np.number):
        return 0.0
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))


def _merged(parts: Sequence[OutputComparison]) -> OutputComparison:
    worst = max(parts, key=lambda part: part.max_abs_error)
    return dataclasses.replace(worst, magnitude=max(part.magnitude for part in parts))
