"""Which ops quantization hurts: one op is quantized at a time, with all others in float.

Leaving one op at a time in float would not work: one bad op would hide the others.
"""

import contextlib
import pathlib
from collections.abc import Callable, Iterator

from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.quantization.float_model import FloatModel
from tfx_tflite_component.quantization.outcome import OpCost
from tfx_tflite_component.quantization.quality import Judge
from tfx_tflite_component.tflite.model_edit import float_ops, op_name, tensor_name, unpack

# These compute no new numbers: their results have the scale of their inputs.
_SHAPE_OPS = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "SPLIT")


def rank(
    model: FloatModel, judge: Judge, folder: pathlib.Path, is_over: Callable[[], bool]
) -> list[OpCost]:
    """Ranks the ops of a model by what quantizing each of them costs.

    Args:
        model: The float model.
        judge: What compares.
        folder: Where models may be written.
        is_over: Whether time is up; ops that were not reached are missing from the result.

    Returns:
        The costs, the worst op first.
    """
    names = dict(nodes(model.content))
    costs = []
    for name, op in names.items():
        if is_over():
            break
        if op in _SHAPE_OPS:
            continue
        path = folder / "one_op.tflite"
        others = [other for other in names if other != name]
        with contextlib.suppress(ConversionError):  # not every op can be quantized on its own
            path.write_bytes(model.quantized(others))
            costs.append(OpCost(op, name, judge(path).sqnr_db))
    return sorted(costs, key=lambda cost: (cost.sqnr_db, cost.tensor))


def nodes(content: bytes) -> Iterator[tuple[str, str]]:
    """The float ops of a model: the name of the first output tensor, and the op's name.

    The quantizer names an op by that tensor.
    """
    model = unpack(content)
    tensors = model.subgraphs[0].tensors
    for op in float_ops(model):
        yield tensor_name(tensors[int(op.outputs[0])]), op_name(model, op)
