"""The inputs and outputs of a model in the order of its graph, which every runtime agrees on."""

import dataclasses
import pathlib

import numpy as np

from tfx_tflite_component.errors import ModelFileError
from tfx_tflite_component.tflite.interpreter import TensorDetails
from tfx_tflite_component.tflite.schema import schema
from tfx_tflite_component.tflite.signatures import name_of


@dataclasses.dataclass(frozen=True)
class GraphIO:
    """The inputs and outputs of a model's first graph.

    Attributes:
        signature_key: The key of its signature; empty for a model without signatures.
        inputs: Its inputs by name, in the graph's order.
        outputs: Its outputs by name, in the graph's order.
    """

    signature_key: str
    inputs: dict[str, TensorDetails]
    outputs: dict[str, TensorDetails]

    @property
    def batch_size(self) -> int:
        """The number of examples in one inference; 1 where the batch dimension is dynamic."""
        sizes = [details.shape[0] for details in self.inputs.values() if details.shape]
        return max(sizes[0], 1) if sizes else 1


def read_graph_io(path: pathlib.Path) -> GraphIO:
    """Reads the inputs and outputs of a model.

    Args:
        path: The `.tflite` file, which `inspection.inspect` can read.

    Raises:
        ModelFileError: It has an input or output that no array can hold.
    """
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    signature = next(
        (
            s
            for s in map(model.SignatureDefs, range(model.SignatureDefsLength()))
            if not s.SubgraphIndex()
        ),
        None,
    )
    inputs = [graph.Inputs(position) for position in range(graph.InputsLength())]
    outputs = [graph.Outputs(position) for position in range(graph.OutputsLength())]
    names = _names(signature)
    return GraphIO(
        signature_key=_text(signature.SignatureKey()) if signature else "",
        inputs={names.get(i, _text(graph.Tensors(i).Name())): _details(graph, i) for i in inputs},
        outputs={names.get(i, _text(graph.Tensors(i).Name())): _details(graph, i) for i in outputs},
    )


def _names(signature: schema.SignatureDef | None) -> dict[int, str]:
    """The names that a signature gives to tensors, by their numbers."""
    if signature is None:
        return {}
    maps = [
        *map(signature.Inputs, range(signature.InputsLength())),
        *map(signature.Outputs, range(signature.OutputsLength())),
    ]
    return {entry.TensorIndex(): _text(entry.Name()) for entry in maps}


def _details(graph: schema.SubGraph, index: int) -> TensorDetails:
    tensor = graph.Tensors(index)
    quantization = tensor.Quantization()
    count = quantization.ScaleLength() if quantization else 0
    signature = [tensor.ShapeSignature(axis) for axis in range(tensor.ShapeSignatureLength())]
    # where a size is dynamic, the shape itself has 1
    shape = signature or [tensor.Shape(axis) for axis in range(tensor.ShapeLength())]
    return TensorDetails(
        index=index,
        dtype=_dtype(tensor.Type()),
        shape=tuple(shape),
        scales=np.array([quantization.Scale(i) for i in range(count)], np.float64),
        zero_points=np.array([quantization.ZeroPoint(i) for i in range(count)], np.int64),
        channel_axis=quantization.QuantizedDimension() if quantization else 0,
    )


def _dtype(number: int) -> type[np.generic]:
    if number == schema.TensorType.STRING:
        return np.bytes_
    name = name_of(schema.TensorType, number)
    try:
        return np.dtype(name.lower()).type
    except TypeError as e:
        raise ModelFileError(
            f"The TFLite model has an input or output of type {name}, which no array can hold. "
            "Leave it out of the signature."
        ) from e


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")
