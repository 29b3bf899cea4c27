"""Writes TFLite metadata into a `.tflite` file.

The format is that of metadata_schema.fbs of TFLite Support, which MediaPipe has in
mediapipe/tasks/metadata: a FlatBuffer in a buffer of the model, and a zip at the end of the file
with the files that it names.
"""

import dataclasses
import enum
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import flatbuffers
import numpy as np

from tfx_tflite_component.tflite.model_edit import pack, unpack
from tfx_tflite_component.tflite.schema import schema

ENTRY = "TFLITE_METADATA"
"""The name of the metadata among the model's entries."""

_IDENTIFIER = b"M001"
# the oldest parser that knows all fields that are written here
_MIN_PARSER_VERSION = "1.0.0"
_LABELS_FILE = "labels.txt"
# numbers of enums and unions
_AXIS_LABELS = 2
_IMAGE_PROPERTIES = 2
_NORMALIZATION = 1
# the earliest time that a zip can hold, so that equal models are equal files
_TIME = (1980, 1, 1, 0, 0, 0)


class ColorSpace(str, enum.Enum):
    """The colors of an image."""

    RGB = "RGB"
    GRAYSCALE = "GRAYSCALE"


_COLORS = {ColorSpace.RGB: 1, ColorSpace.GRAYSCALE: 2}


@dataclasses.dataclass(frozen=True)
class TensorMetadata:
    """What the metadata says of an input or output.

    Attributes:
        name: Its name in the signature.
        color_space: The colors of an image; null for other tensors.
        mean: What is subtracted from the values of the app, once or per channel; empty for none.
        std: What the differences are divided by; as long as `mean`.
        labels: The names along the last axis; empty for none.
    """

    name: str
    color_space: ColorSpace | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """What the metadata says of a model.

    Attributes:
        name: The name of the model.
        description: What it does.
        version: Its version.
        author: Who made it.
        license: Its license.
        inputs: The inputs, in the order of the model's graph.
        outputs: The outputs, in the order of the graph. Those with labels have the same ones.
    """

    name: str
    description: str
    version: str
    author: str
    license: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


def with_metadata(content: bytes, metadata: ModelMetadata) -> bytes:
    """A model with metadata.

    Args:
        content: The content of a `.tflite` file without metadata.
        metadata: The metadata.
    """
    return with_files(_with_entry(content, _encoded(metadata)), metadata)


def with_files(content: bytes, metadata: ModelMetadata) -> bytes:
    """A model with the files that its metadata names at its end.

    Args:
        content: The content of a `.tflite` file with the metadata, and without the files.
        metadata: The metadata.
    """
    labels = next((tensor.labels for tensor in metadata.outputs if tensor.labels), ())
    return _with_file(content, labels) if labels else content


def _with_entry(content: bytes, encoded: bytes) -> bytes:
    model = unpack(content)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(encoded, np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = ENTRY, len(model.buffers) - 1
    model.metadata = [*(model.metadata or ()), entry]
    return pack(model)


def _with_file(content: bytes, labels: Sequence[str]) -> bytes:
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        # stored, not compressed: MediaPipe reads the files in place
        archive.writestr(
            zipfile.ZipInfo(_LABELS_FILE, _TIME), "".join(f"{label}\n" for label in labels)
        )
    return file.getvalue()


class _Model(enum.IntEnum):
    """The fields of `ModelMetadata`, by their slots."""

    NAME = 0
    DESCRIPTION = 1
    VERSION = 2
    SUBGRAPHS = 3
    AUTHOR = 4
    LICENSE = 5
    MIN_PARSER_VERSION = 7


class _Graph(enum.IntEnum):
    """The fields of `SubGraphMetadata`."""

    INPUTS = 2
    OUTPUTS = 3


class _Tensor(enum.IntEnum):
    """The fields of `TensorMetadata`."""

    NAME = 0
    CONTENT = 3
    PROCESS_UNITS = 4
    FILES = 6


_Table: TypeAlias = Mapping[int, "_Value"]
"""The value of each field of a table, by its slot. An integer is one byte, an array has floats."""
_Value: TypeAlias = "int | str | np.ndarray | _Table | list[_Table]"


def _encoded(metadata: ModelMetadata) -> bytes:
    texts = {
        _Model.NAME: metadata.name,
        _Model.DESCRIPTION: metadata.description,
        _Model.VERSION: metadata.version,
        _Model.AUTHOR: metadata.author,
        _Model.LICENSE: metadata.license,
        _Model.MIN_PARSER_VERSION: _MIN_PARSER_VERSION,
    }
    graph: _Table = {
        _Graph.INPUTS: [_tensor(tensor) for tensor in metadata.inputs],
        _Graph.OUTPUTS: [_tensor(tensor) for tensor in metadata.outputs],
    }
    table: dict[int, _Value] = {slot: text for slot, text in texts.items() if text}
    table[_Model.SUBGRAPHS] = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(_written(builder, table), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _tensor(tensor: TensorMetadata) -> _Table:
    table: dict[int, _Value] = {_Tensor.NAME: tensor.name}
    if tensor.color_space is not None:
        # a union is two fields: the number of its type, and the table
        table[_Tensor.CONTENT] = {0: _IMAGE_PROPERTIES, 1: {0: _COLORS[tensor.color_space]}}
    if tensor.mean:
        numbers: _Table = {
            slot: np.array(values, np.float32)
            for slot, values in enumerate((tensor.mean, tensor.std))
        }
        table[_Tensor.PROCESS_UNITS] = [{0: _NORMALIZATION, 1: numbers}]
    if tensor.labels:
        table[_Tensor.FILES] = [{0: _LABELS_FILE, 2: _AXIS_LABELS}]
    return table


def _written(builder: flatbuffers.Builder, table: _Table) -> int:
    """Writes a table behind the tables that it refers to; returns its offset."""
    values = {
        slot: value if isinstance(value, int) else _referred(builder, value)
        for slot, value in table.items()
    }
    builder.StartObject(max(table) + 1)
    for slot, value in values.items():
        is_scalar = isinstance(table[slot], int)
        add = builder.PrependInt8Slot if is_scalar else builder.PrependUOffsetTRelativeSlot
        add(slot, value, 0)
    return builder.EndObject()


def _referred(
    builder: flatbuffers.Builder, value: "str | np.ndarray | _Table | list[_Table]"
) -> int:
    """Writes a string, a vector or a table; returns its offset."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, list):
        offsets = [_written(builder, table) for table in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    return _written(builder, value)
