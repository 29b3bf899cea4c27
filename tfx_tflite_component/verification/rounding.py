"""How far rounding alone moves what a model computes.

Deep networks amplify the rounding of their inputs, most of all far outside of the range that they
were trained for. There, no two float computations agree: not even two of TensorFlow's own.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfx_tflite_component.split.split import Split
from tfx_tflite_component.tflite.interpreter import Arrays

_CHANGE = 1e-6
"""What float inputs are changed by, relative to a value: about ten times float32's rounding."""

_ALLOWED = 4.0
"""How many times the response to that counts as rounding."""

_NOTICEABLE = 1e-4
_TRIALS = 2
_CHAOTIC = 0.01
_ANY = 1e300
_SEED = 0


def differs_noticeably(expected: Arrays, actual: Arrays) -> bool:
    """Whether a float output differs by so much that rounding has to be measured.

    Args:
        expected: The SavedModel's outputs of a call.
        actual: The TFLite model's.
    """
    return any(
        array.dtype.kind == "f" and _is_noticeable(array, actual[name])
        for name, array in expected.items()
    )


def _is_noticeable(expected: np.ndarray, actual: np.ndarray) -> bool:
    finite = np.isfinite(expected) & np.isfinite(actual)
    errors = np.abs(expected[finite] - actual[finite])
    return bool(errors.size and errors.max() > _NOTICEABLE * expected[finite].std())


def rounding(split: Split, inputs: Arrays, is_random: bool) -> Mapping[str, np.ndarray]:
    """What counts as rounding in each column of the float outputs, the last axis.

    Args:
        split: The parts of the signature; the tail keeps no state.
        inputs: What the tail takes.
        is_random: Whether these are random inputs, whose usual magnitude is 1. Smaller ones are
            then changed as if they were 1, because what a layer adds to them is rounded as well.

    Returns:
        An array [columns] by output; nothing for a model that draws random numbers, which differs
        from itself by more than rounding.
    """
    random = np.random.default_rng(_SEED)
    first = _run(split, inputs)
    if not _same(first, _run(split, inputs)):
        return {}
    found: dict[str, np.ndarray] = {}
    for _ in range(_TRIALS):
        changed = {
            name: _changed(array, random, float(is_random)) if array.dtype.kind == "f" else array
            for name, array in inputs.items()
        }
        for name, array in _run(split, changed).items():
            if array.dtype.kind == "f":
                response = _ALLOWED * _response(first[name], array)
                found[name] = np.maximum(found.get(name, 0.0), response)
    return found


def _same(first: Arrays, second: Arrays) -> bool:
    return all(
        np.array_equal(array, second[name], equal_nan=array.dtype.kind == "f")
        for name, array in first.items()
    )


def _changed(array: np.ndarray, random: np.random.Generator, least: float) -> np.ndarray:
    step = _CHANGE * np.maximum(np.abs(array), least)
    return (array + random.choice([-1, 1], array.shape) * step).astype(array.dtype)


def _run(split: Split, inputs: Arrays) -> dict[str, np.ndarray]:
    tail = split.tail
    found = tail.function(
        **{plain: tf.constant(inputs[name]) for plain, name in tail.input_names.items()}
    )
    return {tail.output_names[plain]: tensor.numpy() for plain, tensor in found.items()}


def _response(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The largest change of each column, or the typical change of all columns if that is more."""
    width = first.shape[-1] if first.ndim > 1 else 1
    rows, others = (array.reshape(-1, width).astype(np.float64) for array in (first, second))
    with np.errstate(invalid="ignore"):
        differences = np.abs(rows - others)
    largest = np.where(np.isfinite(differences), differences, 0).max(axis=0, initial=0)
    spread = np.where(np.isfinite(rows), rows, 0).std(axis=0) if len(rows) else np.zeros(width)
    varies = spread > 0
    if not varies.any():
        return largest
    typical = float(np.median(largest[varies] / spread[varies]))
    # then the model computes nothing but noise of these inputs, and any finite value will do
    is_chaotic = typical > _CHAOTIC
    return np.full(width, _ANY) if is_chaotic else np.maximum(largest, typical * spread)
