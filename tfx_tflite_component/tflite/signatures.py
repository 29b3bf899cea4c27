"""The signatures of a `.tflite` file: its inputs and outputs, read without running it."""

import dataclasses
from collections.abc import Callable, Iterable

from tfx_tflite_component.tflite.schema import schema


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output.

    Attributes:
        dtype: The dtype by its TensorFlow name, such as "int8".
        shape: The shape; -1 for a dynamic size.
        scales: The quantization scales; empty if the tensor is not quantized.
        zero_points: The zero point of each scale.
    """

    dtype: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature.

    Attributes:
        inputs: The inputs by name.
        outputs: The outputs by name.
    """

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


def signatures(model: schema.Model) -> dict[str, Signature]:
    """The signatures of a model by their keys.

    For a model without signatures, there is one entry with an empty key, whose inputs and outputs
    have the names of their tensors.
    """
    if not model.SignatureDefsLength() and model.SubgraphsLength():
        graph = model.Subgraphs(0)
        return {
            "": Signature(
                inputs=_named_tensors(graph, map(graph.Inputs, range(graph.InputsLength()))),
                outputs=_named_tensors(graph, map(graph.Outputs, range(graph.OutputsLength()))),
            )
        }
    found = {}
    for definition in map(model.SignatureDefs, range(model.SignatureDefsLength())):
        graph = model.Subgraphs(definition.SubgraphIndex())
        found[_text(definition.SignatureKey())] = Signature(
            inputs=_tensors(graph, definition.Inputs, definition.InputsLength()),
            outputs=_tensors(graph, definition.Outputs, definition.OutputsLength()),
        )
    return found


def name_of(enum: type, number: int) -> str:
    """The name of a number in an enumeration of the schema; the number if it has none."""
    names = {value: name for name, value in vars(enum).items() if name.isupper()}
    return names.get(number, str(number))


def open_shape(tensor: schema.Tensor) -> tuple[int, ...]:
    """The shape of a tensor; -1 where a size is open."""
    shape = [tensor.Shape(axis) for axis in range(tensor.ShapeLength())]
    # where a size is dynamic, the shape itself has 1
    signature = [tensor.ShapeSignature(axis) for axis in range(tensor.ShapeSignatureLength())]
    return tuple(signature or shape)


def _tensors(
    graph: schema.SubGraph, get: Callable[[int], schema.TensorMap], count: int
) -> dict[str, Tensor]:
    entries = sorted(map(get, range(count)), key=lambda entry: _text(entry.Name()))
    return {_text(entry.Name()): _tensor(graph.Tensors(entry.TensorIndex())) for entry in entries}


def _named_tensors(graph: schema.SubGraph, indices: Iterable[int]) -> dict[str, Tensor]:
    tensors = map(graph.Tensors, indices)
    return {_text(tensor.Name()): _tensor(tensor) for tensor in tensors}


def _tensor(tensor: schema.Tensor) -> Tensor:
    quantization = tensor.Quantization()
    scales = range(quantization.ScaleLength() if quantization else 0)
    return Tensor(
        dtype=name_of(schema.TensorType, tensor.Type()).lower(),
        shape=open_shape(tensor),
        scales=tuple(map(quantization.Scale, scales)) if quantization else (),
        zero_points=tuple(map(quantization.ZeroPoint, scales)) if quantization else (),
    )


def _text(name: bytes) -> str:
    return name.decode(errors="replace")
