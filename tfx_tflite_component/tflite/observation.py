"""The values that the tensors of a float model take while it runs."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from tfx_tflite_component.tflite.schema import schema


@dataclasses.dataclass(frozen=True)
class Observation:
    """The values of one float tensor over many runs.

    Attributes:
        lows: The smallest value in each run.
        highs: The largest value in each run.
        channels: The largest magnitude for each index of the last axis, over all runs.
    """

    lows: tuple[float, ...]
    highs: tuple[float, ...]
    channels: np.ndarray


def observe(
    content: bytes, feeds: Iterable[tuple[str, Mapping[str, np.ndarray]]]
) -> dict[str, Observation]:
    """Runs a float model, and records the values of the tensors of its main graph.

    Args:
        content: The content of a `.tflite` file.
        feeds: A signature's key and an array for each of its inputs, all of the same shape.

    Returns:
        The observation of each float tensor that is computed, by name.
    """
    # a delegate would fuse ops, whose tensors would then be missing
    interpreter = tf.lite.Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=(
            tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    lows: dict[str, list[float]] = {}
    highs: dict[str, list[float]] = {}
    channels: dict[str, np.ndarray] = {}
    inputs = _input_indices(content)
    for count, (_, arrays) in enumerate(feeds):
        if not count:
            _resize(interpreter, {inputs[name]: array.shape for name, array in arrays.items()})
        for name, array in arrays.items():
            interpreter.set_tensor(inputs[name], array)
        interpreter.invoke()
        for name, values in _float_values(interpreter).items():
            lows.setdefault(name, []).append(float(values.min()))
            highs.setdefault(name, []).append(float(values.max()))
            largest = np.abs(values).reshape(-1, values.shape[-1] if values.ndim else 1).max(axis=0)
            known = channels.get(name, largest)
            channels[name] = np.maximum(known, largest) if known.shape == largest.shape else known
    return {
        name: Observation(tuple(low), tuple(highs[name]), channels[name])
        for name, low in lows.items()
    }


def _input_indices(content: bytes) -> dict[str, int]:
    # a signature runner would hold on to the interpreter, which could then not be resized
    signature = schema.Model.GetRootAs(content, 0).SignatureDefs(0)
    entries = map(signature.Inputs, range(signature.InputsLength()))
    return {entry.Name().decode(): entry.TensorIndex() for entry in entries}


def _resize(interpreter: tf.lite.Interpreter, shapes: Mapping[int, tuple[int, ...]]) -> None:
    for index, shape in shapes.items():
        interpreter.resize_tensor_input(index, shape)
    interpreter.allocate_tensors()


def _float_values(interpreter: tf.lite.Interpreter) -> dict[str, np.ndarray]:
    found = {}
    for detail in interpreter.get_tensor_details():
        if detail["dtype"] is not np.float32:
            continue
        try:
            values = interpreter.get_tensor(detail["index"])
        except ValueError:
            # the scratch tensors of ops have no data here
            continue
        if values.size and detail["name"]:
            found[detail["name"]] = values
    return found
