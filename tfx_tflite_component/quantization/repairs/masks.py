"""Constants of -1e9 or infinity, as attention masks have, that take the whole range of a tensor."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tfx_tflite_component.tflite.model_edit import (
    float_constant,
    op_name,
    pack,
    set_constant,
    unpack,
)

_HUGE = 1e4
_LIMITS = (256.0, 64.0, 24.0)
"""The new values of a mask: beside a score of 0, a softmax turns -24 into about 4e-11."""

_MASKING = ("ADD", "SUB", "MUL", "SELECT", "SELECT_V2", "MAXIMUM", "MINIMUM", "WHERE")


def clipped_masks(
    content: bytes, keeps_outputs: Callable[[bytes], bool]
) -> Iterator[tuple[float, bytes]]:
    """The model with its masks clipped, from the mildest limit to the strictest.

    Args:
        content: The content of a float `.tflite` file.
        keeps_outputs: Measures whether a changed model has the same outputs: a mean of 1e6 looks
            like a mask but is not one.

    Yields:
        The limit, and the content of the changed file; nothing if the model has no mask.
    """
    strictest = _LIMITS[-1]
    masks = [t for t in sorted(_huge(content)) if keeps_outputs(_clip(content, [t], strictest))]
    for limit in _LIMITS if masks else ():
        yield limit, _clip(content, masks, limit)


def _huge(content: bytes) -> set[int]:
    """The constants of elementwise ops of which a value is huge."""
    model = unpack(content)
    graph = model.subgraphs[0]
    found = set()
    for op in graph.operators:
        for index in op.inputs if op_name(model, op) in _MASKING else ():
            values = float_constant(model, graph.tensors[index]) if index >= 0 else None
            if values is not None and (np.abs(values) >= _HUGE).any():
                found.add(int(index))
    return found


def _clip(content: bytes, tensors: Sequence[int], limit: float) -> bytes:
    model = unpack(content)
    for index in tensors:
        tensor = model.subgraphs[0].tensors[index]
        values = float_constant(model, tensor)
        if values is not None:
            set_constant(model, tensor, np.clip(values, -limit, limit))
    return pack(model)
