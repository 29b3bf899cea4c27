"""The values that the outputs of an integer model can have."""

import pathlib

from tfx_tflite_component.tflite.inspection import read_model
from tfx_tflite_component.tflite.schema import schema
from tfx_tflite_component.tflite.signatures import name_of

_BOUNDS = {"INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-32768, 32767)}


def output_ranges(path: pathlib.Path) -> dict[str, tuple[float, float]]:
    """The smallest and the largest value of each output of a file's only signature.

    Args:
        path: The `.tflite` file.

    Returns:
        The two values, by the output's name, for outputs that are integers with one scale, or are
        made of such. The value of an integer q is (q - zero_point) * scale.

    Raises:
        ModelFileError: There is no such file, or it is damaged or not a TFLite model.
    """
    return read_model(path, _ranges)


def _ranges(content: bytes) -> dict[str, tuple[float, float]]:
    model = schema.Model.GetRootAs(content, 0)
    definition = model.SignatureDefs(0)
    graph = model.Subgraphs(definition.SubgraphIndex())
    dequantized = {
        op.Outputs(0): op.Inputs(0)
        for op in map(graph.Operators, range(graph.OperatorsLength()))
        if _builtin(model, op) == schema.BuiltinOperator.DEQUANTIZE
    }
    found = {}
    for entry in map(definition.Outputs, range(definition.OutputsLength())):
        index = dequantized.get(entry.TensorIndex(), entry.TensorIndex())
        if limits := _limits(graph.Tensors(index)):
            found[entry.Name().decode(errors="replace")] = limits
    return found


def _builtin(model: schema.Model, op: schema.Operator) -> int:
    code = model.OperatorCodes(op.OpcodeIndex())
    return max(code.BuiltinCode(), code.DeprecatedBuiltinCode())


def _limits(tensor: schema.Tensor) -> tuple[float, float] | None:
    quantization, dtype = tensor.Quantization(), name_of(schema.TensorType, tensor.Type())
    if quantization is None or quantization.ScaleLength() != 1 or dtype not in _BOUNDS:
        return None
    smallest, largest = _BOUNDS[dtype]
    scale, zero_point = quantization.Scale(0), quantization.ZeroPoint(0)
    return (smallest - zero_point) * scale, (largest - zero_point) * scale
