"""Explains why the converter refused a tail."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.conversion.boundary_advice import boundary_behind
from tfx_tflite_component.conversion.converter_words import words
from tfx_tflite_component.errors import ConversionError, UnsupportedOpsError, listed
from tfx_tflite_component.graph.flat_graph import without_calls
from tfx_tflite_component.lowering.replacement import replaced
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization, TFLiteRewriterConfig
from tfx_tflite_component.split.tail import Tail
from tfx_tflite_component.tensorflow_internals import ConverterError
from tfx_tflite_component.tflite.inspection import PREPROCESSING
from tfx_tflite_component.tflite.schema import schema

TAKE_NEW_CONVERTER = "Leave enable_experimental_new_converter at true."
"""The remedy for a failure of the old converter."""

_FLEX, _CUSTOM = "ERROR_NEEDS_FLEX_OPS", "ERROR_NEEDS_CUSTOM_OPS"
_STAYS_FLOAT = re.compile(r"not yet supported for op: '(\w+)'")
_NO_RANGE = re.compile(r"Max and min for dynamic tensors .*Failed for tensor '?([^'\n]+)")
_DIALECT = "tf."
# what TensorFlow calls the function that a tail is traced as
_TAIL = "__inference_tail_"
_TENSOR_LIST = "TensorList"
_LOOKUP = "LookupTable"
_MAIN_TYPES = ("T", "Tparams")
_VERSION = re.compile(r"v\d+$")
_BUILTINS = {name.replace("_", "").lower() for name in vars(schema.BuiltinOperator)} | {"matmul"}
_IN_FLOAT32 = (
    "compute in float32, which the builtin ops are for: export the model under Keras' policy "
    "'float32', or cast in the serving function."
)
_REMEDY = (
    "Remove the op that it names from the serving signature, or try another input_boundary or "
    "quantization.mode."
)
_REMOVE = "remove the part that needs these ops from the serving signature, or use other ops."


def explained(error: Exception, tail: Tail, config: TFLiteRewriterConfig) -> ConversionError:
    """Explains the converter's error: which op, where it comes from and what to do.

    Args:
        error: What the converter raised.
        tail: The tail.
        config: The config.
    """
    if not config.enable_experimental_new_converter:
        return ConversionError(
            f"The old TFLite converter failed: {words(error)}. {TAKE_NEW_CONVERTER}"
        )
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
        return ConversionError(f"The TFLite converter failed: {words(error)}. {_REMEDY}")
    refused = _refused_nodes(error, tail)
    lines = ["The model holds ops that the allowed op set does not cover:"]
    lines += [
        f"  {op}{_form(op, tail, refused)}, available as a Select TF op, in "
        f"{_places(op, tail, refused)}"
        for op in flex
    ]
    lines += [
        f"  {op}, not available as a Select TF op either, in {_places(op, tail, refused)}"
        for op in custom
    ]
    lines.append("What you can do:")
    concerned = [node for op in flex for node in _concerned(op, tail, refused)]
    if any(map(_other_floats, concerned)):
        lines.append(f"  - {_IN_FLOAT32}")
    lines += [f"  - {choice}" for choice in _choices(flex, custom, config)]
    # boundary_tensors is for a signature that is converted alone
    if not config.signature_keys and (behind := boundary_behind(tail, refused)):
        lines.append(f"  - {behind}")
    lines.append(f"  - {_REMOVE}")
    return UnsupportedOpsError("\n".join(lines), [*flex, *custom], refused)


def _explained_by_words(
    error: Exception, tail: Tail, config: TFLiteRewriterConfig
) -> ConversionError:
    """An error of the quantizer, whose message names an op that it cannot quantize."""
    ops = list(dict.fromkeys(_STAYS_FLOAT.findall(str(error))))
    mode = Quantization.Mode.Name(config.quantization.mode)
    inputs = {f"{SIGNATURE_KEY}_{plain}:0": name for plain, name in tail.input_names.items()}
    if found := _NO_RANGE.search(str(error)):
        tensor = found[1].strip()
        return ConversionError(
            f"With {mode}, the converter quantizes all sums and comparisons, and tensor "
            f"{inputs.get(tensor, tensor)!r} has no range because it holds no floats. Set "
            "quantization.mode: FULL_INTEGER, or compute with these integers outside of the model."
        )
    if not ops:
        said = words(error)
        for tensor, name in inputs.items():
            said = said.replace(tensor, repr(name))
        return ConversionError(f"The TFLite converter failed: {said}. {_REMEDY}")
    places = "; ".join(f"{op} in {_places(op, tail, ())}" for op in ops)
    hint = (
        f" ({PREPROCESSING!r} is TF Transform's preprocessing)" if PREPROCESSING in places else ""
    )
    return ConversionError(
        f"With {mode}, the converter has no integer form of some ops: {places}{hint}. Set "
        "quantization.allow_float_fallback: true to accept that they stay float, or remove the "
        "part that needs these ops from the serving signature."
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

    It names `node@function` for each call that leads to an op, and reports only one of the nodes
    that it refuses for the same reason.
    """
    calls = [call.name for data in error.errors for call in data.location.call]
    parts = (name.partition("@") for name in calls)
    reported = {node for node, _, function in parts if _TAIL in function}
    every = tail.function.graph.get_operations()
    ops = {node.type for node in every if node.name in reported}
    nodes = {node.name: _reason(node) for node in every if node.type in ops}
    forms = {form for name, form in nodes.items() if name in reported}
    return sorted(name for name, form in nodes.items() if form in forms)


def _reason(node: tf.Operation) -> tuple[str, str]:
    """What a node is refused for: its op, and its form if TFLite has the op in another."""
    return node.type, _operand_form(node) if _has_builtin(node.type) else ""


def _places(op: str, tail: Tail, refused: Collection[str]) -> str:
    """The layers or scopes of the tail that have an op: of refused nodes only, if there are any."""
    names = [node.name for node in _nodes(tail) if _same_op(node.op, op)]
    concerned = [name for name in names if name in refused] or names
    # the call of the serving function is not a layer, and the last part is the op itself
    scopes = {without_calls(replaced(name)).rpartition("/")[0] for name in concerned}
    return listed(sorted(scopes - {""})) or "the serving function"


def _form(op: str, tail: Tail, refused: Collection[str]) -> str:
    """The form of an op that TFLite has in another form only, or its unusual float types."""
    nodes = _concerned(op, tail, refused)
    if _has_builtin(op) and nodes:
        forms = sorted({_operand_form(node) for node in nodes})
        return f" of {' and '.join(forms)}, which TFLite has only in other forms"
    floats = sorted({dtype for node in nodes for dtype in _other_floats(node)})
    return f" of {' and '.join(floats)}" if floats else ""


def _has_builtin(op: str) -> bool:
    return _VERSION.sub("", op.lower()) in _BUILTINS


def _operand_form(node: tf.Operation) -> str:
    tensors = [*node.inputs, *node.outputs]
    types = [node.get_attr(name) for name in _MAIN_TYPES if name in node.node_def.attr]
    dtype = types[0] if types else tensors[0].dtype
    tensor = next((x for x in tensors if x.dtype.base_dtype == dtype), tensors[0])
    rank = tensor.shape.rank
    count = "an unknown number of" if rank is None else rank
    return f"{tensor.dtype.name} with {count} dimensions"


def _other_floats(node: tf.Operation) -> set[str]:
    """The float types of an op that most builtin ops do not support."""
    dtypes = {x.dtype.base_dtype for x in [*node.inputs, *node.outputs]} - {tf.float32}
    return {dtype.name for dtype in dtypes if dtype.is_floating}


def _concerned(op: str, tail: Tail, refused: Collection[str]) -> list[tf.Operation]:
    """The nodes of the tail that have an op; only the refused ones, if there are any."""
    nodes = [node for node in tail.function.graph.get_operations() if _same_op(node.type, op)]
    return [node for node in nodes if node.name in refused] or nodes


def _nodes(tail: Tail) -> list[NodeDef]:
    """The nodes of a tail, including those in its branches and loops."""
    graph_def = tail.function.graph.as_graph_def()
    bodies = [body.node_def for body in graph_def.library.function]
    return [node for part in [graph_def.node, *bodies] for node in part]


def _same_op(tensorflow_op: str, op: str) -> bool:
    """Whether two names mean the same op: TFLite writes SELECT_V2 for SelectV2."""
    return tensorflow_op.lower() == op.replace("_", "").lower()
