"""Drives the TFLite converter."""

import logging
import pathlib
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.conversion import size_limit
from tfx_tflite_component.conversion.loops import check_loops
from tfx_tflite_component.conversion.weight_offload import unloaded
from tfx_tflite_component.errors import ConversionError, UnsupportedOpsError, listed
from tfx_tflite_component.graph.flat_graph import without_calls
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization, TFLiteRewriterConfig
from tfx_tflite_component.split.tail import Tail
from tfx_tflite_component.tensorflow_internals import DISABLE_PER_CHANNEL, ConverterError
from tfx_tflite_component.tflite.inspection import PREPROCESSING
from tfx_tflite_component.tflite.rename import rename
from tfx_tflite_component.tflite.schema import schema
from tfx_tflite_component.tflite.select_tf_nodes import order_attributes

_log = logging.getLogger(__name__)

RepresentativeDataset: TypeAlias = Callable[[], Iterator[tuple[str, dict[str, np.ndarray]]]]
"""The inputs to calibrate with: by signature, and by the tail's parameter names."""

_FLEX, _CUSTOM = "ERROR_NEEDS_FLEX_OPS", "ERROR_NEEDS_CUSTOM_OPS"
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
_STAYS_FLOAT = re.compile(r"not yet supported for op: '(\w+)'")
_DIALECT = "tf."
# what TensorFlow calls the function that a tail is traced as
_TAIL = "__inference_tail_"
_TENSOR_LIST = "TensorList"
_LOOKUP = "LookupTable"
# types that exist only between ops, never as input or output
_NO_TENSORS = ("RESOURCE", "VARIANT")
_SAID = re.compile(r"\berror: (?!failed while converting)(?P<words>.+)")
_IN_FLOAT32 = (
    "compute in float32, which the builtin ops are for: export the model under Keras' policy "
    "'float32', or cast in the serving function."
)
_REMEDY = (
    "Remove the op that it names from the serving signature, or try another input_boundary or "
    "quantization.mode."
)


def convert(
    tail: Tail,
    config: TFLiteRewriterConfig,
    dataset: RepresentativeDataset | None = None,
    kept: Collection[tf.Variable] = (),
) -> bytearray:
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
            f"inputs and outputs have no names. {_NEW}"
        )
    rename(model, tail.input_names, tail.output_names, SIGNATURE_KEY)
    order_attributes(model)
    return model


def _convert(
    tail: Tail,
    config: TFLiteRewriterConfig,
    dataset: RepresentativeDataset | None,
    kept: Collection[tf.Variable],
) -> bytearray:
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-") as folder:
        tf.saved_model.save(tail.resources, folder, signatures=tail.function)
        with unloaded(tail, pathlib.Path(folder), kept):
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            _configure(converter, config, dataset)
            try:
                return bytearray(converter.convert())
            except _ERRORS as e:
                _log.info("What the TFLite converter says:\n%s", e)
                raise _explained(e, tail, config) from e


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


def _explained(error: Exception, tail: Tail, config: TFLiteRewriterConfig) -> ConversionError:
    """Explains the converter's error: which op, where it comes from and what to do."""
    if not config.enable_experimental_new_converter:
        return ConversionError(f"The old TFLite converter failed: {_words(error)}. {_NEW}")
    if isinstance(error, ConverterError):
        return _explained_by_ops(error, tail, config)
    return _explained_by_words(error, tail, config)


def _explained_by_ops(
    error: ConverterError, tail: Tail, config: TFLiteRewriterConfig
) -> ConversionError:
    """An error of the converter that lists the unsupported ops."""
    flex = _ops(error, _FLEX)
    custom = _ops(error, _CUSTOM)
    if not flex and not custom:
        return ConversionError(f"The TFLite converter failed: {_words(error)}. {_REMEDY}")
    lines = ["The model holds ops that the allowed op set does not cover:"]
    nodes = _nodes(tail)
    named = {op: op + _of_float_types(op, nodes) for op in [*flex, *custom]}
    lines += [f"  {named[op]}, available as a Select TF op, in {_places(op, nodes)}" for op in flex]
    lines += [
        f"  {named[op]}, not available as a Select TF op either, in {_places(op, nodes)}"
        for op in custom
    ]
    lines.append("What you can do:")
    if any(named[op] != op for op in flex):
        lines.append(f"  - {_IN_FLOAT32}")
    lines += [f"  - {choice}" for choice in _choices(flex, custom, config)]
    return UnsupportedOpsError("\n".join(lines), [*flex, *custom], _refused_nodes(error, tail))


def _explained_by_words(
    error: Exception, tail: Tail, config: TFLiteRewriterConfig
) -> ConversionError:
    """An error of the quantizer, whose message names an op that it cannot quantize."""
    ops = _STAYS_FLOAT.findall(str(error))
    if not ops:
        words = _words(error)
        for plain, name in tail.input_names.items():
            words = words.replace(f"{SIGNATURE_KEY}_{plain}:0", repr(name))
        return ConversionError(f"The TFLite converter failed: {words}. {_REMEDY}")
    mode = Quantization.Mode.Name(config.quantization.mode)
    nodes = _nodes(tail)
    places = "; ".join(f"{op} in {_places(op, nodes)}" for op in ops)
    hint = (
        f" ({PREPROCESSING!r} is TF Transform's preprocessing)" if PREPROCESSING in places else ""
    )
    return ConversionError(
        f"With {mode}, the converter has no integer form of some ops: {places}{hint}. Set "
        "quantization.allow_float_fallback: true to accept that they stay float, or take what "
        "needs these ops out of the serving signature."
    )


def _choices(
    flex: Sequence[str], custom: Sequence[str], config: TFLiteRewriterConfig
) -> Iterator[str]:
    if not config.batch_size and any(op.startswith(_TENSOR_LIST) for op in flex):
        yield "set batch_size: 1. With a fixed batch size, recurrent layers need only builtin ops."
    if config.input_boundary == TFLiteRewriterConfig.RAW_FEATURES:
        yield (
            "leave input_boundary at AUTO, or set input_boundary: TRANSFORMED_FEATURES. The head "
            "then does TF Transform's preprocessing."
        )
    if any(op.startswith(_LOOKUP) for op in flex):
        yield (
            "use lookup tables with string or integer keys, string, bool, int32, int64 or float32 "
            "values and a constant default, outside tf.cond and tf.while_loop."
        )
    if flex:
        yield (
            "set ops { allow_select_tf_ops: true }. An app then has to link the Select TF ops "
            "library, tens of megabytes."
        )
    if custom:
        yield (
            "set ops { allow_custom_ops: true }. An app then has to implement these ops and to "
            "register them, and the model cannot be verified here."
        )
    yield (
        "name the tensors that these ops make by input_boundary: TENSORS and `boundary_tensors`. "
        "What comes before them is then done by the head."
    )
    yield "remove the part that needs these ops from the serving signature, or use other ops."


def _ops(error: ConverterError, code: str) -> list[str]:
    """The ops for which the converter reported one kind of error."""
    found = [data.operator.name for data in error.errors if _code(data) == code]
    return sorted({name.removeprefix(_DIALECT) for name in found})


def _code(data: Any) -> str:
    # a separate pass turns lists of tensors into builtin ops, and reports only that it failed
    if data.operator.name.startswith(_DIALECT + _TENSOR_LIST):
        return _FLEX
    # the module of this message differs between versions of TensorFlow
    return data.ErrorCode.Name(data.error_code)


def _refused_nodes(error: ConverterError, tail: Tail) -> list[str]:
    """The nodes of the tail that the converter's errors are about.

    It names `node@function` for each call that leads to an op.
    """
    nodes = {node.name for node in tail.function.graph.as_graph_def().node}
    calls = [call.name for data in error.errors for call in data.location.call]
    parts = (name.partition("@") for name in calls)
    return sorted({node for node, _, function in parts if node in nodes and _TAIL in function})


def _places(op: str, nodes: Sequence[NodeDef]) -> str:
    """The layers or scopes of the tail that have an op."""
    # the call of the serving function is not a layer, and the last part is the op itself
    scopes = {
        without_calls(node.name).rpartition("/")[0] for node in nodes if _same_op(node.op, op)
    }
    return listed(sorted(scopes - {""})) or "the serving function"


def _of_float_types(op: str, nodes: Sequence[NodeDef]) -> str:
    """The op's float types that most builtin ops do not support, as text."""
    types = [node.attr["T"].type for node in nodes if _same_op(node.op, op) and "T" in node.attr]
    found = set(map(tf.dtypes.as_dtype, types)) - {tf.float32}
    names = sorted(dtype.name for dtype in found if dtype.is_floating)
    return f" of {' and '.join(names)}" if names else ""


def _nodes(tail: Tail) -> list[NodeDef]:
    """The nodes of a tail, including those in its branches and loops."""
    graph_def = tail.function.graph.as_graph_def()
    bodies = [body.node_def for body in graph_def.library.function]
    return [node for part in [graph_def.node, *bodies] for node in part]


def _same_op(tensorflow_op: str, op: str) -> bool:
    """Whether two names mean the same op: TFLite writes SELECT_V2 for SelectV2."""
    return tensorflow_op.lower() == op.replace("_", "").lower()


def _words(error: Exception) -> str:
    """The last error that the converter logged, or else the first line of its message."""
    if said := _SAID.findall(str(error)):
        return said[-1].rstrip(". ")
    first, _, rest = str(error).strip().partition("\n")
    # a heading by itself has no information
    return (f"{first} {rest.strip()}" if first.endswith(":") else first).rstrip(". ")
