"""Inspects a `.tflite` file without running it.

The format is that of tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

import dataclasses
import enum
import hashlib
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tfx_tflite_component.errors import ModelFileError, listed
from tfx_tflite_component.tflite.facts import multiply_accumulates, peak_tensor_bytes
from tfx_tflite_component.tflite.schema import schema
from tfx_tflite_component.tflite.signatures import Signature, name_of, open_shape, signatures

PREPROCESSING = "transform_features_layer"
"""TF Transform's layer, as every version of it is named in a serving graph."""

_FLEX_PREFIX = "Flex"
_FLOAT_TYPES = (schema.TensorType.FLOAT32, schema.TensorType.FLOAT16, schema.TensorType.FLOAT64)
_SMALL_TYPES = ("float16", "int8", "uint8", "int4")
_IDENTIFIER = slice(4, 8)
_VERSION = 3

_T = TypeVar("_T")
_CALLS = re.compile(r"(^|/)(Stateful)?PartitionedCall(_\d+)?(?=/|$)")


class OpSet(str, enum.Enum):
    """The sets of ops, each of which a runtime has in addition to those before it."""

    BUILTIN = "BUILTIN"
    SELECT_TF = "SELECT_TF"
    CUSTOM = "CUSTOM"

    # otherwise f-strings differ between Python 3.11 and 3.12
    __str__ = str.__str__


class Numbers(str, enum.Enum):
    """The numbers that an op computes with; ops on strings or shapes compute with none."""

    FLOAT = "float"
    INTEGER = "integer"
    NONE = ""

    __str__ = str.__str__


@dataclasses.dataclass(frozen=True)
class Op:
    """One op of a model.

    Attributes:
        name: The name of the op: for a builtin op the name in the schema, and for a Select TF or
            custom op its own name.
        kind: The op set that it belongs to.
        computes_in: "float" if it reads or writes any float tensor, "integer" if it reads or writes
            quantized tensors and no float tensor, "" otherwise.
        scope: The layer or scope of the TensorFlow graph that the op comes from.
        is_preprocessing: Whether that scope is TF Transform's. An op that the converter fused from
            preprocessing and model counts as part of the model.
        is_at_edge: Whether the op only quantizes an input of the model or dequantizes an output.
        shape: The shape of its first output; -1 where a size is open.
        constant_bytes: The size of the constants that it reads, such as weights, without those that
            an earlier op reads as well.
        tensor: The name of its first output.
    """

    name: str
    kind: OpSet
    computes_in: Numbers
    scope: str
    is_preprocessing: bool
    is_at_edge: bool
    shape: tuple[int, ...] = ()
    constant_bytes: int = 0
    tensor: str = ""


@dataclasses.dataclass(frozen=True)
class Weights:
    """The constants of one dtype in a model, such as weights, biases and shapes.

    Attributes:
        tensors: The number of tensors.
        size_bytes: Their total size.
    """

    tensors: int
    size_bytes: int


@dataclasses.dataclass(frozen=True)
class Inspection:
    """The contents of a `.tflite` file.

    Attributes:
        size_bytes: The size of the file.
        sha256: The SHA-256 of its content, in hexadecimal.
        ops: The ops, in order.
        weights: The constants by dtype.
        op_set: The op set that the model needs.
        macs: The multiply-accumulates of one inference; see `facts.multiply_accumulates`.
        peak_tensor_bytes: The most memory that the tensors take at one time; see
            `facts.peak_tensor_bytes`.
    """

    size_bytes: int
    sha256: str
    ops: tuple[Op, ...]
    weights: dict[str, Weights]
    op_set: OpSet
    macs: int
    peak_tensor_bytes: int

    @property
    def needs_select_tf_ops(self) -> bool:
        """Whether the model needs TensorFlow's kernels."""
        return self.op_set == OpSet.SELECT_TF

    @property
    def has_state(self) -> bool:
        """Whether a call of the model changes the results of later calls."""
        return any(op.name == "ASSIGN_VARIABLE" for op in self.ops)

    @property
    def is_quantized(self) -> bool:
        """Whether any weights or activations have less than 32 bits."""
        small = any(dtype in self.weights for dtype in _SMALL_TYPES)
        return small or any(op.computes_in == Numbers.INTEGER for op in self.ops)


def inspect(path: pathlib.Path) -> Inspection:
    """Inspects a `.tflite` file.

    Raises:
        ModelFileError: There is no such file, or it is damaged or not a TFLite model.
    """
    return read_model(path, _inspection)


def inspect_signatures(path: pathlib.Path) -> dict[str, Signature]:
    """Reads the inputs and outputs of a `.tflite` file, by signature.

    Raises:
        ModelFileError: There is no such file, or it is damaged or not a TFLite model.
    """
    return read_model(path, lambda content: signatures(schema.Model.GetRootAs(content, 0)))


def find_signature(path: pathlib.Path, key: str, model: str) -> str:
    """The key that a `.tflite` file has a signature under.

    A file with one signature has it under any key: models that `signature_key` was set for have
    "serving_default".

    Args:
        path: The file.
        key: The key that is asked for.
        model: The model, for the message.

    Raises:
        ModelFileError: The file has several signatures and none with the key, or cannot be read.
    """
    keys = [*inspect_signatures(path)]
    if len(keys) == 1:
        return keys[0]
    if key not in keys:
        raise ModelFileError(
            f"The TFLite model in {model} has no signature {key!r}; it has {listed(keys)}. Name "
            "one of these: as signature_name in a ModelSpec of an Evaluator, elsewhere as "
            "signature_key."
        )
    return key


def read_model(path: pathlib.Path, parse: Callable[[bytes], _T]) -> _T:
    """Reads something from a `.tflite` file.

    Args:
        path: The file.
        parse: Takes its content, which begins as a model does but may be damaged.

    Raises:
        ModelFileError: There is no such file, or it is damaged or not a TFLite model.
    """
    try:
        content = path.read_bytes()
    except OSError as e:
        raise ModelFileError(
            f"The TFLite model {path} cannot be read: {e.strerror}. Name a `.tflite` file."
        ) from e
    if content[_IDENTIFIER] != b"TFL3":
        raise ModelFileError(
            f"{path} is not a TFLite model: expected the identifier b'TFL3' at bytes 4 to 7, found "
            f"{content[_IDENTIFIER]!r}. Name the file that the converter wrote."
        )
    try:
        return parse(content)
    except Exception as e:  # FlatBuffers' accessors raise nearly anything for a damaged file
        raise ModelFileError(
            f"The TFLite model {path} is damaged ({len(content)} bytes): {e}. Check that it was "
            "copied whole, or convert again."
        ) from e


def _inspection(content: bytes) -> Inspection:
    model = schema.Model.GetRootAs(content, 0)
    if model.Version() != _VERSION:
        raise ValueError(f"its schema has the version {model.Version()}, expected {_VERSION}")
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    counted: set[int] = set()
    ops = tuple(op for graph in graphs for op in _ops(model, graph, counted))
    kinds = {op.kind for op in ops}
    return Inspection(
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        ops=ops,
        weights=_weights(model, graphs),
        op_set=next((one for one in reversed(OpSet) if one in kinds), OpSet.BUILTIN),
        macs=multiply_accumulates(model),
        peak_tensor_bytes=peak_tensor_bytes(model),
    )


def _ops(model: schema.Model, graph: schema.SubGraph, counted: set[int]) -> Iterator[Op]:
    """The ops of a graph; `counted` has the buffers that earlier ops read, and gets theirs."""
    inputs = {graph.Inputs(index) for index in range(graph.InputsLength())}
    outputs = {graph.Outputs(index) for index in range(graph.OutputsLength())}
    for index in range(graph.OperatorsLength()):
        op = graph.Operators(index)
        kind, name = kind_and_name(model.OperatorCodes(op.OpcodeIndex()))
        read = [op.Inputs(i) for i in range(op.InputsLength()) if op.Inputs(i) >= 0]
        written = [op.Outputs(i) for i in range(op.OutputsLength())]
        path = graph.Tensors(written[0]).Name().decode(errors="replace") if written else ""
        yield Op(
            name=name,
            kind=kind,
            computes_in=_computes_in([graph.Tensors(i) for i in read + written]),
            scope=_scope(path),
            is_preprocessing=PREPROCESSING in path,
            is_at_edge=(name == "QUANTIZE" and inputs.issuperset(read))
            or (name == "DEQUANTIZE" and outputs.issuperset(written)),
            shape=open_shape(graph.Tensors(written[0])) if written else (),
            constant_bytes=_new_bytes(model, [graph.Tensors(i) for i in read], counted),
            tensor=path,
        )


def _new_bytes(model: schema.Model, tensors: Sequence[schema.Tensor], counted: set[int]) -> int:
    """The size of the constants among tensors whose buffers are not counted yet."""
    buffers = {tensor.Buffer() for tensor in tensors} - counted
    counted |= buffers
    return sum(_size(model, buffer) for buffer in buffers)


def _size(model: schema.Model, buffer: int) -> int:
    found = model.Buffers(buffer)
    return found.DataLength() or found.Size()


def kind_and_name(code: schema.OperatorCode) -> tuple[OpSet, str]:
    """The kind of an op, and its name without the prefix of Select TF ops."""
    custom = (code.CustomCode() or b"").decode(errors="replace")
    if custom.startswith(_FLEX_PREFIX):
        return OpSet.SELECT_TF, custom.removeprefix(_FLEX_PREFIX)
    if custom:
        return OpSet.CUSTOM, custom
    # files of the first versions hold the op in a field of one byte
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    return OpSet.BUILTIN, name_of(schema.BuiltinOperator, number)


def _computes_in(tensors: Sequence[schema.Tensor]) -> Numbers:
    if any(tensor.Type() in _FLOAT_TYPES for tensor in tensors):
        return Numbers.FLOAT
    if any(tensor.Quantization() and tensor.Quantization().ScaleLength() for tensor in tensors):
        return Numbers.INTEGER
    return Numbers.NONE


def _scope(path: str) -> str:
    """The scope in the name of a tensor: of the last op that was fused, without its own name."""
    last = path.rpartition(";")[2]
    return _CALLS.sub("", last).strip("/").rpartition("/")[0]


def _weights(model: schema.Model, graphs: Sequence[schema.SubGraph]) -> dict[str, Weights]:
    sizes: dict[str, dict[int, int]] = {}
    for graph in graphs:
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            if size := _size(model, tensor.Buffer()):
                dtype = name_of(schema.TensorType, tensor.Type()).lower()
                # tensors may share a buffer
                sizes.setdefault(dtype, {})[tensor.Buffer()] = size
    return {
        dtype: Weights(len(buffers), sum(buffers.values()))
        for dtype, buffers in sorted(sizes.items())
    }
