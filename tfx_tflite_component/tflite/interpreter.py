"""Runs TFLite models: one wrapper around the interpreter."""

import contextlib
import copy
import dataclasses
import functools
import pathlib
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ModelFileError, UnsupportedOpsError
from tfx_tflite_component.tensorflow_internals import SignatureGraph
from tfx_tflite_component.tflite.inspection import Inspection, OpSet
from tfx_tflite_component.tflite.select_tf_effects import check_select_tf_ops

Arrays = Mapping[str, np.ndarray]

_RUNS_SELECT_TF_OPS = tuple(map(int, tf.__version__.split(".")[:2])) < (2, 20)

# users of this package do not call tf.lite.Interpreter, so its warning does not help them
warnings.filterwarnings("ignore", message=r"\s*Warning: tf\.lite\.Interpreter is deprecated")


@dataclasses.dataclass(frozen=True)
class TensorDetails:
    """An input or output of a model.

    Attributes:
        index: The index of the tensor in the interpreter.
        dtype: The dtype in the model; `np.bytes_` for strings.
        shape: The shape; -1 for a dynamic size.
        scales: The quantization scales: none, one for the tensor, or one per channel.
        zero_points: The zero point of each scale.
        channel_axis: The axis of the channels, if there are several scales.
    """

    index: int
    dtype: Any
    shape: tuple[int, ...]
    scales: np.ndarray
    zero_points: np.ndarray
    channel_axis: int


def why_not_runnable(op_set: OpSet) -> str | None:
    """Why Python's interpreter cannot run a model with an op set; None if it can."""
    if op_set == OpSet.CUSTOM:
        return "it holds custom ops, which only an app that implements them can run"
    if op_set == OpSet.SELECT_TF and not _RUNS_SELECT_TF_OPS:
        return (
            "it needs Select TF ops, which the Python interpreter does not have from TensorFlow "
            f"2.20 on, and this is TensorFlow {tf.__version__}"
        )
    return None


def check_runnable(path: pathlib.Path, model: Inspection, model_dir: str) -> None:
    """Refuses a model with ops that Python's interpreter cannot run, or must not.

    Args:
        path: The `.tflite` file.
        model: The contents of the model.
        model_dir: The model's folder, for the message.

    Raises:
        UnsupportedOpsError: The model has such ops.
        ModelFileError: The file is damaged.
    """
    if reason := why_not_runnable(model.op_set):
        raise UnsupportedOpsError(
            f"The TFLite model in {model_dir} cannot be run here, so it cannot be scored: "
            f"{reason}. Remove what needs these ops from the serving signature, or evaluate the "
            "SavedModel."
        )
    check_select_tf_ops(path, model_dir)


@contextlib.contextmanager
def model_errors(model: str) -> Iterator[None]:
    """Turns the interpreter's errors about a damaged model into an error of this package.

    Args:
        model: The model, for the message.

    Raises:
        ModelFileError: The interpreter cannot prepare or run the model in the block.
    """
    try:
        yield
    except (RuntimeError, ValueError, LookupError, TypeError) as e:
        raise ModelFileError(
            f"The interpreter cannot run the TFLite model in {model}: {e}. Check that the file was "
            "copied whole; convert the model again if it was."
        ) from e


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
    # single precision, as in TFLite: it decides which values are exactly halfway
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
    """A signature of a TFLite model, ready to run. It must not be shared between threads.

    Attributes:
        inputs: The inputs by name.
        outputs: The outputs by name.
    """

    def __init__(
        self,
        path: pathlib.Path,
        num_threads: int = 1,
        needs_select_tf_ops: bool = False,
        own_kernels: bool = False,
        signature_key: str | None = None,
    ) -> None:
        """Loads a model.

        Args:
            path: The `.tflite` file.
            num_threads: The number of threads that one inference may use.
            needs_select_tf_ops: Whether the model has Select TF ops, which only the interpreter
                inside TensorFlow can run.
            own_kernels: Whether TFLite's own kernels run it, and not XNNPACK's. Not for models with
                Select TF ops, which are run by a delegate as well.
            signature_key: The signature to run; None for a file that has only one.

        Raises:
            ModelFileError: The interpreter refuses the file, or it lacks the signature.
        """
        interpreter_class = tf.lite.Interpreter if needs_select_tf_ops else _interpreter_class()
        try:
            # read once: the file may be replaced while this model is in use
            content = path.read_bytes()
            self._load = functools.partial(
                interpreter_class,
                model_content=content,
                num_threads=num_threads,
                experimental_op_resolver_type=_op_resolver(interpreter_class, own_kernels),
            )
            interpreter = self._load()
            runner = interpreter.get_signature_runner(signature_key or None)
            self._key = signature_key or next(iter(interpreter.get_signature_list()))
            self._graph = SignatureGraph(interpreter, self._key)
            self.inputs = _details(runner.get_input_details())
            self.outputs = _details(runner.get_output_details())
        except (OSError, RuntimeError, ValueError) as e:
            raise ModelFileError(
                f"The interpreter refuses the TFLite model {path}: {e}. It takes a model with "
                "signatures, as the converter writes it, and the key of one if there are several; "
                "check that the file was copied whole."
            ) from e
        self._shapes: dict[str, tuple[int, ...]] = {}

    def __call__(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Runs the model once. Inputs and outputs are real values, even if the model is quantized.

        Args:
            inputs: An array for each input, of the input's shape; [batch, ...] with any batch where
                the batch dimension is dynamic. Floats are quantized for an integer input.

        Returns:
            An array for each output; floats if the model's output is quantized.
        """
        # the signature runner does not accept an input named `self`
        shapes = {name: array.shape for name, array in inputs.items()}
        if shapes != self._shapes:
            self.allocate(shapes)
        fed = {name: _fed(array, self.inputs[name]) for name, array in inputs.items()}
        self._graph.run({self.inputs[name].index: array for name, array in fed.items()})
        return {name: self._output(details) for name, details in self.outputs.items()}

    def copy(self) -> "TFLiteModel":
        """The same model with a separate interpreter, for another thread."""
        model = copy.copy(self)
        model._graph, model._shapes = SignatureGraph(self._load(), self._key), {}
        return model

    @property
    def batch_size(self) -> int:
        """The fixed batch size of a model whose inputs all have a batch dimension; else 0."""
        return self.batch_size_of([name for name, found in self.inputs.items() if found.shape])

    def batch_size_of(self, batched: Collection[str]) -> int:
        """The fixed batch size of the model; 0 if it is dynamic.

        Args:
            batched: The inputs whose first dimension is the batch.
        """
        sizes = [self.inputs[name].shape[0] for name in batched]
        return max(sizes[0], 0) if sizes else 0

    def allocate(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Prepares the model for inputs of some shapes.

        Args:
            shapes: The shape of each input.
        """
        # a new one: XNNPACK cannot prepare a model with control flow a second time, and for other
        # models it takes as long
        self._graph = SignatureGraph(self._load(), self._key)
        self._graph.allocate({self.inputs[name].index: shape for name, shape in shapes.items()})
        self._shapes = shapes

    def _tensor(self, details: TensorDetails) -> np.ndarray:
        try:
            return self._graph.get(details.index)
        except ValueError:
            # it cannot return an empty tensor whose size is known only after the model ran
            shape = self._graph.shape(details.index)
            if shape.all():
                raise
            return np.empty(shape, details.dtype)

    def _output(self, details: TensorDetails) -> np.ndarray:
        array = self._tensor(details)
        return dequantize(array, details) if len(details.scales) else array


def _op_resolver(interpreter_class: Any, own_kernels: bool) -> Any:
    # each library has an enum of its own
    kinds = sys.modules[interpreter_class.__module__].OpResolverType
    return kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if own_kernels else kinds.AUTO


def _interpreter_class() -> Any:
    """LiteRT's interpreter if it is installed, because TensorFlow's is deprecated."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return tf.lite.Interpreter
    return Interpreter


def _fed(array: np.ndarray, details: TensorDetails) -> np.ndarray:
    if array.dtype == object and not array.ndim:
        # the interpreter would take the address of the one object for the string; `np.array` would
        # make an empty string a null character
        text = array.item()
        return np.ndarray((), f"S{len(text)}", text)
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
