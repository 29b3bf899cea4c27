"""Runs a TFLite model and the SavedModel that it came from on the same inputs."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfx_tflite_component.errors import ExamplesError, VerificationError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, input_tensors
from tfx_tflite_component.graph.precision import precision
from tfx_tflite_component.graph.variables import assigns_variables
from tfx_tflite_component.samples.feed import call
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel
from tfx_tflite_component.tflite.interpreter_words import interpreter_words
from tfx_tflite_component.verification.calls import Answered, answered_calls, open_sizes
from tfx_tflite_component.verification.kernels import KernelComparison
from tfx_tflite_component.verification.measures import Sums, Verification
from tfx_tflite_component.verification.rounding import differs_noticeably, rounding

Ranges = Mapping[str, tuple[float, float]]


def verify(
    signature: ConcreteFunction,
    split: Split,
    model: TFLiteModel,
    examples: Sequence[bytes] | None,
    kernels: KernelComparison | None = None,
    ranges: Ranges | None = None,
    is_float: bool = False,
) -> Verification:
    """Runs the same inputs through the SavedModel and through head and TFLite model.

    Args:
        signature: The signature of the SavedModel.
        split: The signature's two parts.
        model: The TFLite model made of the tail.
        examples: Serialized `tf.Example`s; None for random inputs.
        kernels: What compares the model's kernels, where they can be chosen.
        ranges: The smallest and the largest value of float inputs in the calibration.
        is_float: Whether nothing of the model is quantized. What differs no more than by rounding
            then does not count in `relative_error`.

    Returns:
        The comparison of every output, however large the differences.

    Raises:
        ExamplesError: There are no examples, or the head or the SavedModel refuses them.
        VerificationError: The TFLite model cannot be run, or its outputs have another dtype or
            shape than the SavedModel's.
    """
    sums: dict[str, Sums] = {}
    per_example: set[str] | None = None
    ranges = ranges or {}
    outside = dict.fromkeys(ranges, 0)
    count = num_calls = 0
    has_state = assigns_variables(signature)
    sizes: list[dict[str, tuple[int, ...]]] = []
    for answered in answered_calls(signature, split, examples):
        made, expected = answered.call, answered.expected
        if per_example is None:
            per_example = _per_example(signature, split, answered)
        actual = _run(model, made.taken)
        if kernels:
            kernels.add(made.taken, actual)
        actual = _widened(split, actual)
        rounded: Mapping[str, np.ndarray] = {}
        if is_float and not has_state and differs_noticeably(expected, actual):
            rounded = rounding(split, made.taken, is_random=examples is None)
        for name in sorted(expected):
            _check_same_kind(name, expected[name], actual[name])
            is_per_example = name in per_example
            added = sums.setdefault(name, Sums(expected[name].dtype, is_per_example))
            rows = slice(made.count if is_per_example else None)
            wanted, found = (np.atleast_1d(a)[rows] for a in (expected[name], actual[name]))
            added.add(wanted, found, made.is_unusual, rounded.get(name))
        for name in outside:
            outside[name] += _outside(made.taken[name][: made.count], *ranges[name])
        count += made.count
        num_calls += 1
        sizes.append({name: array.shape for name, array in made.taken.items()})
    return Verification(
        inputs="random inputs" if examples is None else "examples",
        num_examples=count,
        outputs={name: added.comparison() for name, added in sums.items()},
        num_calls=num_calls,
        sizes=tuple(sizes) if examples is None and open_sizes(split) else (),
        kernel_differences=kernels.differences() if kernels else {},
        kernel_errors=kernels.errors() if kernels else {},
        out_of_range={name: found / count for name, found in outside.items() if found},
        precision=precision(signature).name,
    )


def _per_example(signature: ConcreteFunction, split: Split, answered: Answered) -> set[str]:
    """The outputs whose first dimension is the batch.

    They have as many rows as there are examples. Because that may be a coincidence, the SavedModel
    is also called with fewer examples, if it accepts them and has no state.
    """
    given = answered.call.given
    tensors = input_tensors(signature)
    opened = [name for name, x in tensors.items() if x.shape.rank and x.shape[0] is None]
    counts = [len(given[name]) for name in opened]
    counts += [len(answered.call.taken[name]) for name in split.batched]
    found = {
        name
        for name, array in answered.expected.items()
        if counts and array.ndim and len(array) == counts[0]
    }
    if not found or not opened or assigns_variables(signature):
        return found
    other = 1 if counts[0] == 2 else 2
    fewer = {
        name: np.resize(array, (other, *array.shape[1:])) if name in opened else array
        for name, array in given.items()
    }
    try:
        outputs = call(signature, fewer, "the SavedModel")
    except ExamplesError:
        return found
    return {name for name in found if len(outputs[name]) == other}


def _run(model: TFLiteModel, inputs: Arrays) -> dict[str, np.ndarray]:
    try:
        return model(inputs)
    except (RuntimeError, ValueError) as e:
        raise VerificationError(
            "The TFLite model cannot be run on inputs that the SavedModel accepts: "
            f"{interpreter_words(e)}. Nothing was published."
        ) from e


def _widened(split: Split, outputs: Arrays) -> dict[str, np.ndarray]:
    """The outputs of a model, with narrowed integers widened to the signature's type."""
    return {
        name: array.astype(np.int64)
        if name in split.narrowing.outputs and array.dtype == np.int32
        else array
        for name, array in outputs.items()
    }


def _check_same_kind(name: str, expected: np.ndarray, actual: np.ndarray) -> None:
    found, wanted = (f"{array.dtype} {list(array.shape)}" for array in (actual, expected))
    if found != wanted:
        raise VerificationError(
            f"Output {name!r} of the TFLite model is {found}, the SavedModel's is {wanted}. "
            "Nothing was published."
        )


def _outside(array: np.ndarray, low: float, high: float) -> int:
    """The number of examples with a value outside of a range."""
    is_outside = (array < low) | (array > high)
    return int(is_outside.reshape(len(array), -1).any(axis=1).sum())
