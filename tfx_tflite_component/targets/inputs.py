"""The inputs that go through every runtime: the same bytes for all."""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from tfx_tflite_component.samples.random_examples import RandomValues
from tfx_tflite_component.targets.process import Call
from tfx_tflite_component.tflite.graph_io import GraphIO
from tfx_tflite_component.tflite.interpreter import (
    Arrays,
    TensorDetails,
    dequantize,
    quantize,
)


def calls_of_examples(io: GraphIO, values: Arrays) -> Iterator[Call]:
    """The inputs of each inference, from the head's results for examples.

    Args:
        io: What the model takes.
        values: An array [examples, ...] for each input; floats for a quantized one. An incomplete
            last batch of a fixed size is padded with the last example.
    """
    count = max((len(array) for array in values.values() if array.ndim), default=1)
    for first in range(0, count, io.batch_size):
        rows = np.minimum(np.arange(first, first + io.batch_size), count - 1)
        yield _call(io, {name: a[rows] if a.ndim else a for name, a in values.items()})


def random_calls(io: GraphIO, count: int) -> Iterator[Call]:
    """Random inputs; dynamic sizes are 1, and every run gets the same inputs.

    Args:
        io: What the model takes.
        count: The number of inferences.
    """
    specs = {
        name: tf.TensorSpec(
            [None if size < 0 else size for size in details.shape],
            tf.float32 if len(details.scales) else _tensorflow_dtype(details),
        )
        for name, details in io.inputs.items()
    }
    for seed in range(count):
        yield _call(io, RandomValues(seed).tensors(specs, lambda axis: 1))


def real_outputs(io: GraphIO, call: Call) -> dict[str, np.ndarray]:
    """The outputs of an inference by name; quantized ones as floats.

    Args:
        io: What the model gives.
        call: Its outputs by position, as a runtime gave them.
    """
    return {
        name: dequantize(call[position], details) if len(details.scales) else call[position]
        for position, (name, details) in enumerate(io.outputs.items())
    }


def _call(io: GraphIO, values: Mapping[str, np.ndarray]) -> Call:
    return {
        position: _fed(values[name], details)
        for position, (name, details) in enumerate(io.inputs.items())
    }


def _fed(array: np.ndarray, details: TensorDetails) -> np.ndarray:
    if len(details.scales) and np.issubdtype(array.dtype, np.floating):
        return quantize(array, details)
    if details.dtype is np.bytes_:
        return array.astype(np.bytes_)
    return array.astype(details.dtype)


def _tensorflow_dtype(details: TensorDetails) -> tf.DType:
    return tf.string if details.dtype is np.bytes_ else tf.dtypes.as_dtype(details.dtype)
