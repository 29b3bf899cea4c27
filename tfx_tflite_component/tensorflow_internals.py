"""Every private name of TensorFlow that is used, in one place, each with a test a version.

The one other place is `tflite.schema`, which loads a file of TensorFlow without TensorFlow. What is
under `tensorflow.core` is not private: these are the messages that SavedModels consist of.
"""

import contextlib
import pathlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.op_def_pb2 import OpDef
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.convert_phase import ConverterError
from tensorflow.lite.python.optimize.calibrator import Calibrator
from tensorflow.python.framework import op_def_registry
from tensorflow.python.grappler import tf_optimizer
from tensorflow.python.saved_model import loader_impl

from tfx_tflite_component.errors import ConversionError

Feeds = Callable[[], Iterable[tuple[str, Mapping[str, np.ndarray]]]]
"""What to calibrate with: a signature's key, and an array for each of its inputs."""

DISABLE_PER_CHANNEL = "_experimental_disable_per_channel"
"""The attribute of a converter by which all channels of a weight share a scale. There is no public
one that works on every version from 2.16 to 2.21."""


def parse_saved_model(path: pathlib.Path) -> SavedModel:
    """Reads the protobuf of a SavedModel, and loads nothing.

    Args:
        path: The folder of the SavedModel.

    Raises:
        OSError: It cannot be read or parsed.
    """
    return loader_impl.parse_saved_model(str(path))


def argument_names(function: tf.types.experimental.ConcreteFunction) -> Sequence[str]:
    """The names of a signature's inputs in the order of its tensors, captures left out.

    The public, structured signature changes the names that Python does not allow.
    """
    return function._arg_keywords


def op_definition(name: str) -> OpDef:
    """The definition of a registered op."""
    return op_def_registry.get(name)


def optimize_graph(config: ConfigProto, meta_graph: MetaGraphDef) -> GraphDef:
    """Runs the optimizers of Grappler that a config names."""
    return tf_optimizer.OptimizeGraph(config, meta_graph)


class SignatureGraph:
    """The graph of a signature in an interpreter, of TensorFlow or of LiteRT.

    The interpreter's public methods run only the first graph of a file. `SignatureRunner` runs any,
    but without XNNPACK, with which an app runs all of them.
    """

    def __init__(self, interpreter: Any, key: str) -> None:
        """Finds the graph.

        Args:
            interpreter: The interpreter.
            key: The key of the signature.
        """
        # it owns what the wrapped one uses
        self._owner = interpreter
        self._interpreter = interpreter._interpreter
        self._graph = self._interpreter.GetSubgraphIndexFromSignature(key)

    def allocate(self, shapes: Mapping[int, Sequence[int]]) -> None:
        """Prepares the graph for inputs of some shapes, given by the indices of their tensors."""
        for tensor, shape in shapes.items():
            sizes = np.array(shape, np.int32)
            self._interpreter.ResizeInputTensor(tensor, sizes, False, self._graph)
        if not self._graph:
            self._interpreter.AllocateTensors()
            return
        # this call alone applies XNNPACK, to all graphs; it fails if the first one cannot be
        # prepared for the sizes in the file
        with contextlib.suppress(RuntimeError):
            self._interpreter.AllocateTensors()
        self._interpreter.AllocateTensors(self._graph)

    def run(self, inputs: Mapping[int, np.ndarray]) -> None:
        """Runs the graph on inputs, given by the indices of their tensors."""
        for tensor, array in inputs.items():
            self._interpreter.SetTensor(tensor, array, self._graph)
        self._interpreter.Invoke(self._graph)

    def get(self, tensor: int) -> np.ndarray:
        """The value of a tensor, by its index."""
        return self._interpreter.GetTensor(tensor, self._graph)

    def shape(self, tensor: int) -> np.ndarray:
        """The shape of a tensor, as far as it is known."""
        return self._interpreter.TensorSize(tensor, self._graph)


def calibrate(model: bytes, feeds: Feeds) -> bytes:
    """Runs a float TFLite model and records the smallest and largest value of each tensor.

    Args:
        model: The content of a float `.tflite` file.
        feeds: What to run it on; all arrays of an input have the same shape.

    Returns:
        The same model, with the ranges in the `quantization` of its tensors.

    Raises:
        ConversionError: It cannot be calibrated.
    """
    with _conversion_errors("The calibration failed"):
        return Calibrator(model).calibrate(feeds)


def quantize_int8(calibrated: bytes, per_channel: bool, denied: Collection[str] = ()) -> bytes:
    """Quantizes a calibrated model to 8 bits, with float inputs and outputs.

    Args:
        calibrated: What `calibrate` returns.
        per_channel: Whether the weights of each channel have a scale of their own.
        denied: The ops that stay float, by the name of their first output tensor.

    Raises:
        ConversionError: It cannot be quantized.
    """
    with _conversion_errors("The quantization to 8 bits failed"):
        return mlir_quantize(
            calibrated, disable_per_channel=not per_channel, denylisted_nodes=list(denied)
        )


def quantize_int16(model: bytes, feeds: Feeds, per_channel: bool) -> bytes:
    """Calibrates a float model and quantizes it to 16-bit activations and 8-bit weights.

    Args:
        model: The content of a float `.tflite` file.
        feeds: As for `calibrate`.
        per_channel: Whether the weights of each channel have a scale of their own.

    Raises:
        ConversionError: It cannot be quantized.
    """
    with _conversion_errors("The quantization to 16 bits failed"):
        return Calibrator(model).calibrate_and_quantize(
            feeds,
            tf.float32,
            tf.float32,
            allow_float=True,
            activations_type=tf.int16,
            bias_type=tf.int64,
            disable_per_channel=not per_channel,
        )


@contextlib.contextmanager
def _conversion_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (ConverterError, RuntimeError, ValueError) as e:
        reason = str(e).strip().partition("\n")[0].rstrip(". ")
        raise ConversionError(f"{what}: {reason}.") from e
