"""Steps of preprocessing as text: what an op does with its operands."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import NodeDef

_MOST_NUMBERS = 100
_INFIX = {
    **{"Add": "+", "AddV2": "+", "Sub": "-", "Mul": "*", "RealDiv": "/", "Div": "/"},
    **{"FloorDiv": "//", "FloorMod": "mod", "Pow": "**"},
    **{"Less": "<", "LessEqual": "<=", "Greater": ">", "GreaterEqual": ">="},
    **{"Equal": "==", "NotEqual": "!=", "LogicalAnd": "and", "LogicalOr": "or"},
}
_WORDS: Mapping[str, str] = {
    "Select": "{1} where {0}, else {2}",
    "SelectV2": "{1} where {0}, else {2}",
    "Bucketize": "the number of these that are not above {0}: {boundaries}",
    "UpperBound": "the number of these that are not above {1}: {0}",
    "LowerBound": "the number of these that are below {1}: {0}",
    "SparseToDense": "{2}, and {3} where it is missing",
    "RaggedTensorToTensor": "{1} in rows, filled up with {2}",
    "StringToHashBucketFast": "FarmHash Fingerprint64 of {0}, modulo {num_buckets}",
    "StringToHashBucketStrong": "SipHash-2-4 of {0} with the key {key}, modulo {num_buckets}",
    "StringLower": "{0} in lower case, {letters}",
    "StringUpper": "{0} in upper case, {letters}",
    "StringStrip": "{0} without white space at its ends",
    "StringSplit": "the words of {0}, split at any of {1}",
    "StringSplitV2": "the words of {0}, split at {1}",
    "RegexReplace": "{0}, with {which} match of {1} replaced by {2}",
    "StaticRegexReplace": "{0}, with {which} match of {pattern} replaced by {rewrite}",
    "Log1p": "log(1 + {0})",
}
# types and shapes, which the operands have, and how ops run
_NOT_LISTED = ("T", "dtype", "shape", "shapes", "parallel_iterations", "container", "shared_name")


def step_text(node: NodeDef, operands: Sequence[str]) -> str:
    """An op as text.

    Args:
        node: The op.
        operands: Its inputs as text.
    """
    if node.op in _INFIX and len(operands) == 2:
        return f"{operands[0]} {_INFIX[node.op]} {operands[1]}"
    attributes = _attributes(node)
    if node.op == "Cast":
        return f"{operands[0]} as {_dtype(node)}"
    if node.op == "StringSplitV2" and operands[1] == quoted(""):
        return f"the words of {operands[0]}, split at white space"
    if node.op in _WORDS:
        return _WORDS[node.op].format(*operands, **attributes, **_meanings(node))
    listed = [*operands, *(f"{name}={value}" for name, value in attributes.items())]
    return f"{node.op}({', '.join(listed)})"


def constant_text(array: np.ndarray) -> str:
    """A constant as text: a number or a quoted string, or a list of them."""
    if np.ndim(array) == 0:
        return _element(array[()] if isinstance(array, np.ndarray) else array)
    shown = [_element(element) for element in array.ravel()[:_MOST_NUMBERS]]
    left = array.size - len(shown)
    return f"[{', '.join([*shown, *([f'and {left} more'] if left else [])])}]"


def quoted(text: str) -> str:
    """Text in quotes, in one line of ASCII, so that it ends no comment."""
    return json.dumps(text)


def _element(value: object) -> str:
    if isinstance(value, bytes):
        return quoted(value.decode(errors="backslashreplace"))
    return quoted(value) if isinstance(value, str) else str(value)


def _meanings(node: NodeDef) -> dict[str, str]:
    """What attributes of string ops mean."""
    return {
        "letters": "all letters" if node.attr["encoding"].s else "ASCII letters only",
        "which": "each" if node.attr["replace_global"].b else "the first",
    }


def _dtype(node: NodeDef) -> str:
    return tf.dtypes.as_dtype(node.attr["DstT"].type).name


def _attributes(node: NodeDef) -> dict[str, str]:
    """The attributes that say what an op computes."""
    found = {}
    for name in sorted(node.attr):
        held = node.attr[name]
        kind = held.WhichOneof("value")
        if name.startswith("_") or name in _NOT_LISTED:
            continue
        if kind in ("i", "f", "b", "s"):
            found[name] = _element(getattr(held, kind))
        elif kind == "list" and (held.list.f or held.list.i):
            # as the floats of 32 bits that they are
            numbers = held.list.f if held.list.f else held.list.i
            found[name] = constant_text(np.array(numbers, np.float32 if held.list.f else np.int64))
    return found
