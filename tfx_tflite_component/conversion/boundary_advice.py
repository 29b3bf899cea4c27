"""A boundary behind the ops that TFLite lacks, as lines of a config."""

import json
from collections.abc import Collection

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import without_calls
from tfx_tflite_component.lowering.replacement import replaced
from tfx_tflite_component.split.tail import Tail

_MOST_TENSORS = 5
_NO_VALUES = (tf.resource, tf.variant)


def boundary_behind(tail: Tail, refused: Collection[str]) -> str:
    """Advice to leave the ops that were refused to the head; empty if that is not possible.

    Args:
        tail: The tail.
        refused: The names of its nodes that were refused.
    """
    tensors = _last_refused(tail, refused)
    names = {x.name.removesuffix(":0") for x in tensors}
    is_original = all(replaced(name) == name for name in names)
    has_values = all(x.dtype not in _NO_VALUES for x in tensors)
    if not (0 < len(names) <= _MOST_TENSORS and is_original and has_values):
        return ""
    entries = " ".join(
        f"boundary_tensors {{ key: {_quoted(_input(tensor))} value: {_quoted(tensor)} }}"
        for tensor in sorted(names)
    )
    return (
        f"set input_boundary: TENSORS {entries}. What comes before these tensors is then done by "
        "the head."
    )


def _last_refused(tail: Tail, refused: Collection[str]) -> list[tf.Tensor]:
    """The tensors made by refused nodes that the outputs depend on without another one between."""
    found: dict[str, tf.Tensor] = {}
    seen: set[str] = set()
    pending = list(tail.function.outputs)
    while pending:
        tensor = pending.pop()
        if tensor.op.name in refused:
            found[tensor.name] = tensor
        elif tensor.op.name not in seen:
            seen.add(tensor.op.name)
            pending.extend(tensor.op.inputs)
    return list(found.values())


def _input(tensor: str) -> str:
    """A readable name for the input that a tensor becomes."""
    return without_calls(tensor).replace("/", "_").replace(":", "_")


def _quoted(text: str) -> str:
    return json.dumps(text)
