"""Every private name of TensorFlow that is used, in one place, each with a test a version."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.convert_phase import ConverterError
from tensorflow.lite.python.optimize.calibrator import Calibrator

from tfx_tflite_component.errors import ConversionError

Feeds = Callable[[], Iterable[tuple[str, Mapping[str, np.ndarray]]]]
"""What to calibrate with: a signature's key, and an array for each of its inputs."""


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
