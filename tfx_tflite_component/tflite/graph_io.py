"""The inputs and outputs of a model in the order of its graphs, which every runtime agrees on."""

import dataclasses
import pathlib

import numpy as np

from tfx_tflite_component.errors import ModelFileError
from tfx_tflite_component.tflite.interpreter import TensorDetails
from tfx_tflite_component.tflite.schema import schema
from tfx_tflite_component.tflite.signatures import name_of


@dataclasses.dataclass(frozen=True)
class GraphIO:
    """The inputs and outputs of a signature.

    Attributes:
        signature_key: The key of the signature; empty for a model without signatures.
        inputs: Its inputs by name, in the graph's order.
        outputs: Its outputs by name, in the graph's order.
        graph: The number of its graph. Runtimes without signatures run only the first, 0.
    """

    signature_key: str
    inputs: dict[str, TensorDetails]
    outputs: dict[str, TensorDetails]
    graph: int = 0

    @property
    def batch_size(self) -> int:
        """The number of examples in one inference; 1 where the batch dimension is dynamic."""
        sizes = [details.shape[0] for details in self.inputs.values() if details.shape]
        return max(sizes[0], 1) if sizes else 1


def read_graph_ios(path: pathlib.Path) -> list[GraphIO]:
    """Reads the inputs and outputs of each signature of a model, in the order of the file.

    For a model without signatures, there is one entry, for its first graph.

    Args:
        path: The `.tflite` file, which `inspection.inspect` can read.

    Raises:
        ModelFileError: It has an input or output that no array can hold.
    """
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    signatures = [*map(model.SignatureDefs, range(model.SignatureDefsLength()))]
    return [_graph_io(model, signature) for signature in signatures or [None]]


def _graph_io(model: schema.Model, signature: schema.SignatureDef | None) -> GraphIO:
    number = signature.SubgraphIndex() if signature else 0
    graph = model.Subgraphs(number)
    inputs = [graph.Inputs(position) for position in range(graph.InputsLength())]
    outputs = [graph.Outputs(position) for position in range(graph.OutputsLength())]
    names = _names(signature)
    return GraphIO(
        signature_key=_text(signature.SignatureKey()) if signature else "",
        inputs={names.get(i, _text(graph.Tensors(i).Name())): _details(graph, i) for i in inputs},
        outputs={names.get(i, _text(graph.Tensors(i).Name())): _details(graph, i) for i in outputs},
        graph=number,
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
