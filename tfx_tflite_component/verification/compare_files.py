"""Compares two TFLite models, on random inputs."""

import pathlib

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import UnsupportedOpsError, VerificationError, listed
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.samples.random_examples import RandomValues
from tfx_tflite_component.tflite.inspection import find_signature, inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel, why_not_runnable
from tfx_tflite_component.tflite.select_tf_effects import check_select_tf_ops
from tfx_tflite_component.verification.limits import Judgment, judge
from tfx_tflite_component.verification.measures import Verification, compare_outputs

_SEED = 0
_INTEGERS = {np.dtype(np.int32), np.dtype(np.int64)}


def compare_files(
    first: pathlib.Path, second: pathlib.Path, config: TFLiteRewriterConfig
) -> Judgment:
    """Runs the same random inputs through two TFLite models.

    Args:
        first: A `.tflite` file, which the other is compared with.
        second: The other file.
        config: The number of examples, the limits and, for files with several signatures, the
            signature, as `read_config` gives them.

    Raises:
        RewriterError: A file cannot be read or run, or they do not take the same inputs.
    """
    begin(Phase.LOADING_MODEL)
    expected, actual = (_load(path, config) for path in (first, second))
    _check_alike(expected, actual)
    begin(Phase.COMPARING)
    size = expected.batch_size or actual.batch_size or 1
    pairs = [
        _outputs(expected, actual, size, seed)
        for seed in range(_SEED, _SEED + -(-config.verification.num_examples // size))
    ]
    wanted, found = zip(*pairs, strict=True)
    outputs = compare_outputs(wanted, found)
    verification = Verification("random inputs", size * len(pairs), outputs)
    is_float = not inspect(second).is_quantized
    return judge(verification, config.verification, is_float)


def random_inputs(model: TFLiteModel, count: int, seed: int = _SEED) -> dict[str, np.ndarray]:
    """An array of random values for each input of a model.

    Args:
        model: The model.
        count: The number of examples, where the model leaves it open.
        seed: The same seed gives the same values.
    """
    specs = {
        name: tf.TensorSpec([None if size < 0 else size for size in details.shape], details.dtype)
        for name, details in model.inputs.items()
    }
    return RandomValues(seed).tensors(specs, lambda axis: 1 if axis else count)


def _load(path: pathlib.Path, config: TFLiteRewriterConfig) -> TFLiteModel:
    found = inspect(path)
    if reason := why_not_runnable(found.op_set):
        raise UnsupportedOpsError(f"The TFLite model {path} cannot be compared here: {reason}.")
    check_select_tf_ops(path, str(path), config.trusted_ops)
    key = find_signature(path, config.signature_key, str(path))
    return TFLiteModel(path, needs_select_tf_ops=found.needs_select_tf_ops, signature_key=key)


def _check_alike(expected: TFLiteModel, actual: TFLiteModel) -> None:
    for kind in ("inputs", "outputs"):
        names, others = getattr(expected, kind).keys(), getattr(actual, kind).keys()
        if names != others:
            raise VerificationError(
                f"The two models have other {kind}: {listed(sorted(names))} and "
                f"{listed(sorted(others))}. Compare models of the same signature."
            )


def _outputs(
    expected: TFLiteModel, actual: TFLiteModel, size: int, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    inputs = random_inputs(expected, size, seed)
    # integers may be of 32 bits in one model, and of 64 bits in the other
    alike = {
        name: array.astype(found) if {array.dtype, np.dtype(found)} == _INTEGERS else array
        for name, array in inputs.items()
        for found in [actual.inputs[name].dtype]
    }
    return expected(inputs), actual(alike)
