"""Holds head, tail and TFLite model to the signature that they were made of."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import tensorflow as tf
from versions import RUNS_SELECT_TF_OPS

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import Split, split
from tfx_tflite_component.tflite.inspection import OpSet, inspect
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel

TOLERANCE = 1e-5
SELECT_TF_OPS = "ops { allow_select_tf_ops: true } "


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A SavedModel's signature, its two parts and the TFLite model."""

    signature: ConcreteFunction
    split: Split
    path: pathlib.Path
    model: TFLiteModel

    @property
    def inputs(self) -> dict[str, tuple[str, list[int | None]]]:
        """Dtype and shape of what the TFLite model takes."""
        specs = self.split.tail.specs
        return {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in specs.items()}


def split_model(saved_model: pathlib.Path, config: str = "") -> Split:
    """Splits the signature of a SavedModel."""
    message = read_config(config)
    return _split(load_signature(saved_model, message.signature_key), message)


def convert_model(saved_model: pathlib.Path, config: str = "") -> Conversion:
    """Splits and converts a SavedModel; the TFLite file comes to lie beside it."""
    message = read_config(config)
    signature = load_signature(saved_model, message.signature_key)
    parts = _split(signature, message)
    path = saved_model.with_suffix(".tflite")
    path.write_bytes(convert(parts.tail, message))
    model = TFLiteModel(path, needs_select_tf_ops=inspect(path).op_set == OpSet.SELECT_TF)
    return Conversion(signature, parts, path, model)


def _split(signature: ConcreteFunction, config: TFLiteRewriterConfig) -> Split:
    boundary = TFLiteRewriterConfig.InputBoundary.Name(config.input_boundary)
    return split(
        signature,
        None if boundary == "AUTO" else Boundary(boundary),
        config.batch_size,
        tensors=config.boundary_tensors,
    )


def check_contract(
    saved_model: pathlib.Path, examples: Sequence[bytes], config: str = ""
) -> Conversion:
    """Compares on all examples at once and, unless the batch size is fixed, on each alone."""
    conversion = convert_model(saved_model, config)
    batches = [list(examples)]
    if not conversion.model.batch_size:
        batches += [[one] for one in examples]
    (name,) = conversion.signature.structured_input_signature[1]
    for batch in batches:
        serialized = tf.constant(batch)
        check_inputs(conversion, {name: serialized}, conversion.split.head.function(serialized))
    return conversion


def check_inputs(
    conversion: Conversion,
    given: Mapping[str, tf.Tensor],
    taken: Mapping[str, tf.Tensor] | None = None,
    tolerance: float = TOLERANCE,
) -> None:
    """Compares on what the signature is given, and on what the tail takes instead."""
    expected = conversion.signature(**given)
    taken = taken or given
    tail = conversion.split.tail
    found = tail.function(**{plain: taken[name] for plain, name in tail.input_names.items()})
    by_tail = {tail.output_names[plain]: tensor.numpy() for plain, tensor in found.items()}
    by_model = _run(conversion, {name: tensor.numpy() for name, tensor in taken.items()})
    for found_by in (by_tail, by_model or by_tail):
        assert sorted(found_by) == sorted(expected)
        for output, tensor in expected.items():
            _check_equal(found_by[output], tensor.numpy(), tolerance)


def _run(conversion: Conversion, inputs: Arrays) -> dict[str, np.ndarray] | None:
    """What the TFLite model computes; None where the interpreter lacks the Select TF ops."""
    if RUNS_SELECT_TF_OPS or inspect(conversion.path).op_set != OpSet.SELECT_TF:
        return conversion.model(inputs)
    with pytest.raises(RuntimeError, match="Select TensorFlow op"):
        conversion.model(inputs)
    return None


def _check_equal(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if np.issubdtype(expected.dtype, np.floating):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    else:
        np.testing.assert_array_equal(found, expected)
