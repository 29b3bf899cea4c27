"""Calls TensorFlow functions on NumPy arrays."""

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ExamplesError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.storage.storage_errors import lack_of_memory
from tfx_tflite_component.tensorflow_errors import reason
from tfx_tflite_component.tflite.interpreter import Arrays

# TensorFlow quotes bytes of an example in its errors; if they are not UTF-8, Python raises the
# second.
_ERRORS = (tf.errors.OpError, UnicodeDecodeError)


class RefusedExample(ExamplesError):
    """A function refuses one example, which can be found in its file by its content.

    Attributes:
        record: The serialized example; None for an input that is not one.
    """

    def __init__(self, message: str, record: bytes | None = None) -> None:
        super().__init__(message)
        self.record = record


def call(
    function: ConcreteFunction, inputs: Arrays, what: str, first: int = 0
) -> dict[str, np.ndarray]:
    """Calls a function on examples, or on arrays computed from them.

    Args:
        function: The function.
        inputs: An array for each parameter.
        what: A description of the function, for the message.
        first: The position of the first example in the sample, for the message.

    Returns:
        An array for each output.

    Raises:
        ExamplesError: The function refuses the inputs.
    """
    try:
        return _call(function, inputs)
    except _ERRORS as e:
        position = None if lack_of_memory(e) else _refused(function, inputs)
        where = "" if position is None else f" at example {first + position}"
        raise RefusedExample(
            f"The examples make {what} fail{where}: {reason(e)}. Use examples that the SavedModel "
            "accepts: those that the model was trained for, before any preprocessing that the "
            "signature does itself.",
            None if position is None else _record(inputs, position),
        ) from e


def _call(function: ConcreteFunction, inputs: Arrays) -> dict[str, np.ndarray]:
    outputs = function(**{name: tf.constant(array) for name, array in inputs.items()})
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _record(inputs: Arrays, position: int) -> bytes | None:
    """The serialized example at a position, if that is all that the function takes."""
    (array, *others) = inputs.values()
    is_serialized = not others and array.dtype == object and array.ndim == 1
    return array[position] if is_serialized else None


def _refused(function: ConcreteFunction, inputs: Arrays) -> int | None:
    """The position of an example that the function refuses by itself; None if there is none."""
    low, high = 0, min((len(array) if array.ndim else 0 for array in inputs.values()), default=0)
    while high > low:
        middle = (low + high + 1) // 2
        if _fails(function, inputs, low, middle):
            high = middle
        elif _fails(function, inputs, middle, high):
            low = middle
        else:
            return None
        if high - low == 1:
            return low
    return None


def _fails(function: ConcreteFunction, inputs: Arrays, low: int, high: int) -> bool:
    """Whether a function refuses some of the examples, repeated up to the size of the batch."""
    if low == high:
        return False
    try:
        _call(function, {name: np.resize(a[low:high], a.shape) for name, a in inputs.items()})
    except _ERRORS:
        return True
    return False
