"""Calls TensorFlow functions on NumPy arrays."""

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ExamplesError
from tfx_tflite_component.runtime import Arrays
from tfx_tflite_component.split.graph import ConcreteFunction


def call(function: ConcreteFunction, inputs: Arrays, what: str) -> dict[str, np.ndarray]:
    """Calls a function on examples, or on what was made of them.

    Args:
        function: The function.
        inputs: An array for each parameter.
        what: What the function is, for the message.

    Returns:
        An array for each output.

    Raises:
        ExamplesError: The function refuses the inputs.
    """
    try:
        outputs = function(**{name: tf.constant(array) for name, array in inputs.items()})
    except tf.errors.OpError as e:
        raise ExamplesError(
            f"The examples make {what} fail: {_reason(e)}. Connect `examples` that the Trainer's "
            "model takes, raw as its ExampleGen gave them. Without `examples`, random inputs are "
            "tried, which not every model stands."
        ) from e
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _reason(error: tf.errors.OpError) -> str:
    """The line of TensorFlow's message that says what happened, without the trace around it."""
    lines = [line.partition(" [Op:")[0].strip() for line in error.message.splitlines()]
    return [line for line in lines if line and not line.startswith("[[")][-1]
