"""Runs TFLite models: one wrapper around the interpreter."""

import copy
import dataclasses
import functools
import pathlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ModelFileError, UnsupportedOpsError
from tfx_tflite_component.tflite.inspection import CUSTOM, SELECT_TF, Inspection

Arrays = Mapping[str, np.ndarray]

_RUNS_SELECT_TF_OPS = tuple(map(int, tf.__version__.split(".")[:2])) < (2, 20)

# meant for who writes tf.lite.Interpreter, which users of this package do not
warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated")


@dataclasses.dataclass(frozen=True)
class TensorDetails:
    """An input or output of a model.

    Attributes:
        index: Its number in the interpreter.
        dtype: Its dtype in the model; `np.bytes_` for strings.
        shape: Its shape; -1 where the size is dynamic.
        scales: The scales of its quantization: none, one for the tensor, or one for each channel.
        zero_points: The zero points that belong to the scales.
        channel_axis: The axis of the channels, if there are several scales.
    """

    index: int
    dtype: Any
    shape: tuple[int, ...]
    scales: np.ndarray
    zero_points: np.ndarray
    channel_axis: int


def why_not_runnable(op_set: str) -> str | None:
    """Why a model that needs an op set cannot be run here, in words; None if it can."""
    if op_set == CUSTOM:
        return "it holds custom ops, which only an app that implements them can run"
    if op_set == SELECT_TF and not _RUNS_SELECT_TF_OPS:
        return (
            "it needs Select TF ops, which the Python interpreter does not have from TensorFlow "
            f"2.20 on, and this is TensorFlow {tf.__version__}"
        )
    return None


def check_runnable(model: Inspection, model_dir: str) -> None:
    """Refuses a model with ops that cannot be run here.

    Args:
        model: What the model holds.
        model_dir: Its folder, for the message.

    Raises:
        UnsupportedOpsError: It holds such ops.
    """
    if reason := why_not_runnable(model.op_set):
        raise UnsupportedOpsError(
            f"The TFLite model in {model_dir} cannot be run here, so it cannot be scored: "
            f"{reason}. Remove what needs these ops from the serving signature, or evaluate the "
            "SavedModel."
        )


def quantize(values: np.ndarray, details: TensorDetails) -> np.ndarray:
    """Turns real values into quantized ones: rounded to the nearest, clipped to the dtype's range.

    q = round(r / scale) + zero_point, halves away from zero, as TFLite's own QUANTIZE op does
    (https://ai.google.dev/edge/litert/models/quantization_spec and `AffineQuantize`).

    Args:
        values: Real values of the tensor's shape.
        details: The tensor.

    Returns:
        Values of the tensor's dtype.
    """
    scale, zero_point = _parameters(values, details)
    # divided in single precision, as there: whether a value is halfway depends on it
    scaled = (values.astype(np.float32) / scale.astype(np.float32)).astype(np.float64)
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)) + zero_point
    limits = np.iinfo(details.dtype)
    return np.clip(rounded, limits.min, limits.max).astype(details.dtype)


def dequantize(values: np.ndarray, details: TensorDetails) -> np.ndarray:
    """Turns quantized values into real ones, float32: r = (q - zero_point) * scale."""
    scale, zero_point = _parameters(values, details)
    return ((values.astype(np.float64) - zero_point) * scale).astype(np.float32)


def _parameters(values: np.ndarray, details: TensorDetails) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point, shaped to broadcast over the values."""
    shape = [1] * values.ndim
    if len(details.scales) > 1:
        shape[details.channel_axis] = len(details.scales)
    return details.scales.reshape(shape), details.zero_points.reshape(shape)


class TFLiteModel:
    """A TFLite model with one signature, ready to run. Not to be shared between threads.

    Attributes:
        inputs: The inputs by name.
        outputs: The outputs by name.
    """

    def __init__(
        self, path: pathlib.Path, num_threads: int = 1, needs_select_tf_ops: bool = False
    ) -> None:
        """Loads a model.

        Args:
            path: The `.tflite` file.
            num_threads: The number of threads that one inference may use.
            needs_select_tf_ops: Whether the model holds Select TF ops, which only the interpreter
                inside TensorFlow can run.

        Raises:
            ModelFileError: The interpreter refuses the file, or it has no signature.
        """
        interpreter_class = tf.lite.Interpreter if needs_select_tf_ops else _interpreter_class()
        try:
            # read once: another model may take the file's place while this one is in use
            content = path.read_bytes()
            self._load = functools.partial(
                interpreter_class, model_content=content, num_threads=num_threads
            )
            self._interpreter = self._load()
            runner = self._interpreter.get_signature_runner()
            self.inputs = _details(runner.get_input_details())
            self.outputs = _details(runner.get_output_details())
        except (OSError, RuntimeError, ValueError) as e:
            raise ModelFileError(
                f"The interpreter refuses the TFLite model {path}: {e}. It takes a model with one "
                "signature, as the converter writes it; check that the file was copied whole."
            ) from e
        self._shapes: dict[str, tuple[int, ...]] = {}

    def __call__(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Runs the model once. Real values go in and come out, whatever the model's own dtypes.

        Args:
            inputs: An array for each input, of the input's shape; [batch, ...] with any batch where
                the batch dimension is dynamic. Floats are quantized for an integer input.

        Returns:
            An array for each output; floats where the model's output is quantized.
        """
        # not by the signature runner, which takes no input that is named `self`
        shapes = {name: array.shape for name, array in inputs.items()}
        if shapes != self._shapes:
            self._resize(shapes)
        for name, array in inputs.items():
            details = self.inputs[name]
            self._interpreter.set_tensor(details.index, _fed(array, details))
        self._interpreter.invoke()
        return {name: self._output(details) for name, details in self.outputs.items()}

    def copy(self) -> "TFLiteModel":
        """The same model with an interpreter of its own, for another thread."""
        model = copy.copy(self)
        model._interpreter, model._shapes = self._load(), {}
        return model

    @property
    def batch_size(self) -> int:
        """The fixed batch size of the model; 0 if it is dynamic."""
        sizes = [details.shape[0] for details in self.inputs.values() if details.shape]
        return max(sizes[0], 0) if sizes else 0

    def _resize(self, shapes: dict[str, tuple[int, ...]]) -> None:
        # a new one: XNNPACK cannot prepare a model with control flow for a second time, and takes
        # as long for any other
        self._interpreter = self._load()
        for name, shape in shapes.items():
            self._interpreter.resize_tensor_input(self.inputs[name].index, shape)
        self._interpreter.allocate_tensors()
        self._shapes = shapes

    def _tensor(self, details: TensorDetails) -> np.ndarray:
        try:
            return self._interpreter.get_tensor(details.index)
        except ValueError:
            # it cannot hand out a tensor without elements whose size it learned while running
            shapes = {
                found["index"]: found["shape"] for found in self._interpreter.get_output_details()
            }
            if shapes[details.index].all():
                raise
            return np.empty(shapes[details.index], details.dtype)

    def _output(self, details: TensorDetails) -> np.ndarray:
        array = self._tensor(details)
        return dequantize(array, details) if len(details.scales) else array


def _interpreter_class() -> Any:
    """LiteRT's interpreter where it is installed: TensorFlow's own is on its way out."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return tf.lite.Interpreter
    return Interpreter


def _fed(array: np.ndarray, details: TensorDetails) -> np.ndarray:
    is_real = np.issubdtype(array.dtype, np.floating)
    return quantize(array, details) if is_real and len(details.scales) else array


def _details(details: Mapping[str, Mapping[str, Any]]) -> dict[str, TensorDetails]:
    return {
        name: TensorDetails(
            index=detail["index"],
            dtype=detail["dtype"],
            shape=tuple(int(size) for size in detail["shape_signature"]),
            scales=detail["quantization_parameters"]["scales"].astype(np.float64),
            zero_points=detail["quantization_parameters"]["zero_points"],
            channel_axis=detail["quantization_parameters"]["quantized_dimension"],
        )
        for name, detail in details.items()
    }
