"""Runs TFLite models: one wrapper around the interpreter."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class TensorDetails:
    """An input or output of a model.

    Attributes:
        dtype: Its dtype in the model; `np.bytes_` for strings.
        shape: Its shape; -1 where the size is dynamic.
    """

    dtype: type[np.generic]
    shape: tuple[int, ...]


class TFLiteModel:
    """A TFLite model with one signature, ready to run. Not to be shared between threads.

    Attributes:
        inputs: The inputs by name.
        outputs: The outputs by name.
    """

    def __init__(self, path: pathlib.Path, num_threads: int = 1) -> None:
        """Loads a model.

        Args:
            path: The `.tflite` file.
            num_threads: The number of threads that one inference may use.
        """
        self._interpreter = tf.lite.Interpreter(model_path=str(path), num_threads=num_threads)
        self._run = self._interpreter.get_signature_runner()
        self.inputs = _details(self._run.get_input_details())
        self.outputs = _details(self._run.get_output_details())

    def __call__(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Runs the model once.

        Args:
            inputs: An array for each input, of the input's shape; [batch, ...] with any batch where
                the batch dimension is dynamic.

        Returns:
            An array for each output.
        """
        return self._run(**inputs)

    @property
    def batch_size(self) -> int:
        """The fixed batch size of the model; 0 if it is dynamic."""
        sizes = [details.shape[0] for details in self.inputs.values() if details.shape]
        return max(sizes[0], 0) if sizes else 0


def _details(details: Mapping[str, Mapping[str, Any]]) -> dict[str, TensorDetails]:
    return {
        name: TensorDetails(detail["dtype"], tuple(int(size) for size in detail["shape_signature"]))
        for name, detail in details.items()
    }
