"""Joins `.tflite` files into one with all their signatures, which share equal constants.

The format is that of tensorflow/compiler/mlir/lite/schema/schema.fbs. TensorFlow's converter can
write several signatures as well, but it would convert and calibrate all of them in one go.
"""

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
from flatbuffers.builder import BuilderSizeError

from tfx_tflite_component.errors import ConversionError, listed
from tfx_tflite_component.tflite.model_edit import NO_BUFFER, pack, unpack
from tfx_tflite_component.tflite.schema import schema

_VERSION = 3
_MIN_RUNTIME = b"min_runtime_version"
# numbers of tables are int32
_TABLES = 2**31
# in the names of all fields that refer to a graph, such as `body_subgraph_index`
_GRAPH = "subgraph"


def merge(contents: Mapping[str, bytes]) -> bytes:
    """Joins models with one signature each. Equal arguments give equal bytes.

    Args:
        contents: The content of a `.tflite` file for each key that a signature gets. The graph of
            the first is the first graph of the file, which programs run that know no signatures.
            Its metadata becomes that of the file, without the files at its end.

    Raises:
        ConversionError: The file would be larger than a FlatBuffer can be.
    """
    merged = _Merged()
    for key, content in contents.items():
        merged.add(key, unpack(content))
    try:
        return pack(merged.model)
    except BuilderSizeError as e:
        raise ConversionError(
            f"The signatures {listed(contents)} are too large for one file: a FlatBuffer holds 2 "
            "GB. Name fewer in signature_keys, or set a smaller quantization.mode."
        ) from e


class _Merged:
    """A model that others are added to, each with one signature.

    Attributes:
        model: The model.
    """

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = _VERSION
        self.model.operatorCodes, self.model.subgraphs = [], []
        self.model.buffers, self.model.signatureDefs = [schema.BufferT()], []
        self._buffers: dict[bytes, int] = {}
        self._codes: dict[tuple[object, ...], int] = {}
        self._tables: set[int] = set()

    def add(self, key: str, model: schema.ModelT) -> None:
        """Adds a model, which is changed.

        Args:
            key: The key of its signature.
            model: The model.
        """
        _name(key, model)
        self._separate_resources(key, model)
        self._move(model)
        self.model.description = self.model.description or model.description
        self._take_metadata(model)
        self.model.subgraphs += model.subgraphs
        self.model.signatureDefs += model.signatureDefs

    def _move(self, model: schema.ModelT) -> None:
        """Makes all indices in a model refer to this one."""
        base = len(self.model.subgraphs)
        codes = [self._code(code) for code in model.operatorCodes]
        buffers = [self._buffer(buffer) for buffer in model.buffers]
        for op in _ops(model):
            op.opcodeIndex = codes[op.opcodeIndex]
            for options in filter(None, (op.builtinOptions, op.builtinOptions2)):
                _shift_graphs(options, base)
        tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
        for owner in (*tensors, *(model.metadata or ())):
            owner.buffer = buffers[owner.buffer]
        model.signatureDefs[0].subgraphIndex += base

    def _code(self, code: schema.OperatorCodeT) -> int:
        """The index of an op's code, which is added unless it is there."""
        index = self._codes.setdefault(tuple(vars(code).values()), len(self._codes))
        if index == len(self.model.operatorCodes):
            self.model.operatorCodes.append(code)
        return index

    def _buffer(self, buffer: schema.BufferT) -> int:
        """The index of a buffer with the same data, which is added unless it is there."""
        if buffer.data is None:
            return NO_BUFFER
        content = hashlib.sha256(np.asarray(buffer.data, np.uint8).tobytes()).digest()
        index = self._buffers.setdefault(content, len(self.model.buffers))
        if index == len(self.model.buffers):
            self.model.buffers.append(buffer)
        return index

    def _separate_resources(self, key: str, model: schema.ModelT) -> None:
        """Names the variables and tables of a model apart from those of the others.

        The interpreter finds them by name or number, in one place for all graphs.
        """
        tables: dict[int, int] = {}
        for options in (op.builtinOptions for op in _ops(model)):
            if isinstance(options, schema.VarHandleOptionsT):
                options.sharedName = f"{key}/".encode() + (options.sharedName or b"")
            elif isinstance(options, schema.HashtableOptionsT):
                if options.tableId not in tables:
                    tables[options.tableId] = self._free_table(options.tableId)
                options.tableId = tables[options.tableId]

    def _free_table(self, number: int) -> int:
        while number in self._tables:
            number = (number + 1) % _TABLES
        self._tables.add(number)
        return number

    def _take_metadata(self, model: schema.ModelT) -> None:
        """Takes the first model's metadata, with the latest runtime that any of them needs."""
        first = self.model if self.model.subgraphs else model
        later = self._min_runtime(self.model) < self._min_runtime(model)
        latest = model if later else self.model
        others = [entry for entry in first.metadata or () if entry.name != _MIN_RUNTIME]
        runtimes = [entry for entry in latest.metadata or () if entry.name == _MIN_RUNTIME]
        self.model.metadata = [*others, *runtimes]

    def _min_runtime(self, model: schema.ModelT) -> tuple[int, ...]:
        """The version of the runtime that a model needs, according to the converter."""
        for entry in model.metadata or ():
            if entry.name == _MIN_RUNTIME:
                text = bytes(self.model.buffers[entry.buffer].data).rstrip(b"\0").decode()
                return tuple(map(int, text.split(".")))
        return ()


def _ops(model: schema.ModelT) -> Iterator[schema.OperatorT]:
    return (op for graph in model.subgraphs for op in graph.operators)


def _name(key: str, model: schema.ModelT) -> None:
    """Names a model's signature, and after it the graph and the inputs, as the converter does."""
    (signature,) = model.signatureDefs
    graph = model.subgraphs[signature.subgraphIndex]
    signature.signatureKey = graph.name = key.encode()
    for entry in signature.inputs:
        graph.tensors[entry.tensorIndex].name = f"{key}_{entry.name.decode()}:0".encode()


def _shift_graphs(options: object, base: int) -> None:
    """Moves the graphs that an op of control flow calls."""
    for name, value in vars(options).items():
        if _GRAPH in name.lower() and value is not None:
            shifted = value + base if isinstance(value, int) else [i + base for i in value]
            setattr(options, name, shifted)
