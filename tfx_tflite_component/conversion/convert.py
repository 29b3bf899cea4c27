"""Drives the TFLite converter."""

import logging
import pathlib
import tempfile
from collections.abc import Callable, Collection, Iterator
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.conversion import size_limit
from tfx_tflite_component.conversion.loops import check_loops
from tfx_tflite_component.conversion.refusal import TAKE_NEW_CONVERTER, explained
from tfx_tflite_component.conversion.weight_offload import unloaded
from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization, TFLiteRewriterConfig
from tfx_tflite_component.split.tail import Tail
from tfx_tflite_component.tensorflow_internals import DISABLE_PER_CHANNEL, ConverterError
from tfx_tflite_component.tflite.lstm_states import start_anew
from tfx_tflite_component.tflite.rename import rename
from tfx_tflite_component.tflite.schema import schema
from tfx_tflite_component.tflite.select_tf_nodes import order_attributes

_log = logging.getLogger(__name__)

RepresentativeDataset: TypeAlias = Callable[[], Iterator[tuple[str, dict[str, np.ndarray]]]]
"""The inputs to calibrate with: by signature, and by the tail's parameter names."""

_INTEGER_OP_SETS = {
    Quantization.FULL_INTEGER: tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    Quantization.INT16_ACTIVATIONS: (
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    ),
}
_ERRORS = (
    AssertionError,
    AttributeError,
    ConverterError,
    RuntimeError,
    TypeError,
    ValueError,
)
_NEW = "Leave enable_experimental_new_converter at true."
# types that exist only between ops, never as input or output
_NO_TENSORS = ("RESOURCE", "VARIANT")


def convert(
    tail: Tail,
    config: TFLiteRewriterConfig,
    dataset: RepresentativeDataset | None = None,
    kept: Collection[tf.Variable] = (),
) -> bytes | bytearray:
    """Converts a tail, and frees the memory of its variables meanwhile.

    Args:
        tail: The tail.
        config: The config.
        dataset: The inputs to calibrate with, for modes that need them.
        kept: Variables that stay in memory, because the dataset reads them.

    Returns:
        The content of a `.tflite` file, whose inputs and outputs have the names of the SavedModel.

    Raises:
        UnsupportedOpsError: The tail has ops that are not allowed.
        ConversionError: The tail is too large, or the converter refused it for another reason.
    """
    _check_types(tail)
    check_loops(tail, config)
    size_limit.check_size(tail, config.quantization.mode)
    model = _convert(tail, config, dataset, kept)
    if len(model) > size_limit.LIMIT_BYTES:
        raise size_limit.too_large(tail, config.quantization.mode, len(model))
    if not schema.Model.GetRootAs(model, 0).SignatureDefsLength():
        raise ConversionError(
            "The TFLite converter made a model without a signature, as the old one does, so that "
            f"inputs and outputs have no names. {TAKE_NEW_CONVERTER}"
        )
    rename(model, tail.input_names, tail.output_names, SIGNATURE_KEY)
    order_attributes(model)
    return start_anew(model)


def _convert(
    tail: Tail,
    config: TFLiteRewriterConfig,
    dataset: RepresentativeDataset | None,
    kept: Collection[tf.Variable],
) -> bytearray:
    # without variables there is nothing to restore, and the ops for it take a sixth of the time
    options = tf.saved_model.SaveOptions(experimental_skip_saver=not tail.resources.variables_read)
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-") as folder:
        tf.saved_model.save(tail.resources, folder, signatures=tail.function, options=options)
        with unloaded(tail, pathlib.Path(folder), kept):
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            _configure(converter, config, dataset)
            try:
                return bytearray(converter.convert())
            except _ERRORS as e:
                _log.info("What the TFLite converter says:\n%s", e)
                raise explained(e, tail, config) from e


def _check_types(tail: Tail) -> None:
    outputs = {
        tail.output_names[plain]: tensor
        for plain, tensor in tail.function.structured_outputs.items()
    }
    for kind, verb, tensors in [("Input", "takes", tail.specs), ("Output", "gives", outputs)]:
        for name, tensor in tensors.items():
            dtype = tensor.dtype.name
            if dtype.upper() in _NO_TENSORS or dtype.upper() not in vars(schema.TensorType):
                raise ConversionError(
                    f"{kind} {name!r} is {dtype}, which TFLite has no tensor for. Export a "
                    f"signature that {verb} another type, such as float32, and casts it."
                )


def _configure(
    converter: tf.lite.TFLiteConverter,
    config: TFLiteRewriterConfig,
    dataset: RepresentativeDataset | None,
) -> None:
    quantization = config.quantization
    converter.experimental_new_converter = config.enable_experimental_new_converter
    converter.allow_custom_ops = config.ops.allow_custom_ops
    converter.target_spec.supported_ops = _op_sets(config)
    if quantization.mode == Quantization.NONE:
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization.mode == Quantization.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    setattr(converter, DISABLE_PER_CHANNEL, not quantization.per_channel)
    if dataset:
        converter.representative_dataset = dataset
        converter.experimental_new_quantizer = quantization.enable_experimental_new_quantizer
        converter.inference_input_type = _tensor_type(quantization.input_type)
        converter.inference_output_type = _tensor_type(quantization.output_type)


def _op_sets(config: TFLiteRewriterConfig) -> list[tf.lite.OpsSet]:
    integer = _INTEGER_OP_SETS.get(config.quantization.mode)
    op_sets = [integer] if integer else [tf.lite.OpsSet.TFLITE_BUILTINS]
    if integer and config.quantization.allow_float_fallback:
        op_sets.append(tf.lite.OpsSet.TFLITE_BUILTINS)
    if config.ops.allow_select_tf_ops:
        op_sets.append(tf.lite.OpsSet.SELECT_TF_OPS)
    return op_sets


def _tensor_type(tensor_type: int) -> tf.DType:
    return tf.dtypes.as_dtype(Quantization.TensorType.Name(tensor_type).lower())
