"""Facts of a `.tflite` file, read from the file alone.

The format is that of tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

import collections
import dataclasses
import hashlib
import pathlib

from tensorflow.lite.python import schema_py_generated as schema

_FLEX_PREFIX = "Flex"
_BUILTIN_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()
}


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What a `.tflite` file holds.

    Attributes:
        size_bytes: The size of the file.
        sha256: The SHA-256 of its content, in hexadecimal.
        builtin_ops: How often each builtin op occurs.
        select_tf_ops: How often each Select TF (Flex) op occurs, without the prefix `Flex`.
        custom_ops: How often each custom op occurs.
        op_set: The op set that the model needs: BUILTINS, SELECT_TF or CUSTOM.
    """

    size_bytes: int
    sha256: str
    builtin_ops: dict[str, int]
    select_tf_ops: dict[str, int]
    custom_ops: dict[str, int]
    op_set: str


def inspect(path: pathlib.Path) -> Inspection:
    """Reads the facts of a `.tflite` file."""
    content = path.read_bytes()
    model = schema.Model.GetRootAs(content, 0)
    names = [_op_name(model.OperatorCodes(index)) for index in range(model.OperatorCodesLength())]
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for graph in graphs:
        for index in range(graph.OperatorsLength()):
            kind, name = names[graph.Operators(index).OpcodeIndex()]
            counts[kind][name] += 1
    return Inspection(
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        builtin_ops=dict(sorted(counts["builtin"].items())),
        select_tf_ops=dict(sorted(counts["select_tf"].items())),
        custom_ops=dict(sorted(counts["custom"].items())),
        op_set="CUSTOM" if counts["custom"] else "SELECT_TF" if counts["select_tf"] else "BUILTINS",
    )


def _op_name(code: schema.OperatorCode) -> tuple[str, str]:
    """The kind of an op, and its name."""
    custom = (code.CustomCode() or b"").decode()
    if custom.startswith(_FLEX_PREFIX):
        return "select_tf", custom.removeprefix(_FLEX_PREFIX)
    if custom:
        return "custom", custom
    # files of the first versions hold the op in a field of one byte
    return "builtin", _BUILTIN_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
