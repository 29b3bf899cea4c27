"""The ranges that a graph proves for its integers, by the ops that compute and that read them.

What is computed: constants, results of casts, indices and sizes, hash buckets, values of lookup
tables, and what rearranges, selects, clips or adds them.

What is read: an index into a table of weights, which the SavedModel refuses outside of the table,
and an integer that all readers cast to 32 bits or fewer.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.tables import FIND, TABLE_SIZE, table_content

# no tensor of TFLite is larger
_SIZE_LIMIT = 2**31 - 1
# longer chains of ops are not followed
_LONGEST_CHAIN = 100
_SIZES = ("ArgMax", "ArgMin", "LowerBound", "Rank", "Shape", "Size", "UpperBound", "Where")
_HASHES = ("StringToHashBucket", "StringToHashBucketFast", "StringToHashBucketStrong")
_MOVES = ("ExpandDims", "Reshape", "Squeeze")
# the operands whose values the first output has
_PASSED_ON = {
    **dict.fromkeys([*_MOVES, "BroadcastTo", "GatherNd", "GatherV2", "ReverseV2", "Slice"], (0,)),
    **dict.fromkeys(["StridedSlice", "Tile", "Transpose"], (0,)),
    **dict.fromkeys(["Select", "SelectV2", "RaggedTensorToTensor"], (1, 2)),
    "PadV2": (0, 2),
    "SparseToDense": (2, 3),
}
# likewise of the second output
_PASSED_ON_SPARSE = {"SparseReorder": (1,), "SparseSlice": (1,), "SparseFillEmptyRows": (1, 3)}


@dataclasses.dataclass(frozen=True)
class IntegerRange:
    """A range of integers, both ends included."""

    min: int
    max: int

    def __contains__(self, other: "IntegerRange") -> bool:
        return self.min <= other.min and other.max <= self.max

    @classmethod
    def around(cls, ranges: Iterable["IntegerRange"]) -> "IntegerRange":
        """The smallest range that contains some ranges."""
        ranges = list(ranges)
        return cls(min(one.min for one in ranges), max(one.max for one in ranges))

    @classmethod
    def of_values(cls, values: np.ndarray) -> "IntegerRange":
        """The range of some integers, one or more."""
        return cls(int(values.min()), int(values.max()))

    @classmethod
    def of_dtype(cls, dtype: tf.DType) -> "IntegerRange":
        """The range of a type of integers, or of booleans."""
        return cls(0, 1) if dtype.is_bool else cls(int(dtype.min), int(dtype.max))


INT32 = IntegerRange.of_dtype(tf.int32)
INT64 = IntegerRange.of_dtype(tf.int64)


def computed_range(graph: FlatGraph, tensor: str, chain: int = _LONGEST_CHAIN) -> IntegerRange:
    """The range that the values of a tensor of integers have by the ops that compute them.

    Args:
        graph: The graph.
        tensor: The tensor.
        chain: The number of ops that are followed.

    Returns:
        A range; that of the dtype if nothing more is known.
    """
    tensor = graph.origin(tensor)
    widest = IntegerRange.of_dtype(graph.static_tensors[tensor].dtype)

    def operand(name: str) -> IntegerRange:
        return computed_range(graph, name, chain - 1)

    found = _computed(graph, tensor, operand) if chain else None
    return found if found and found in widest else widest


def _computed(
    graph: FlatGraph, tensor: str, operand: Callable[[str], IntegerRange]
) -> IntegerRange | None:
    node = graph.node(tensor)
    read = graph.data_inputs(node)
    if (passed := _passed_on(node, tensor, read)) is not None:
        return IntegerRange.around(map(operand, passed))
    if node.op in _SIZES:
        return IntegerRange(0, _SIZE_LIMIT)
    if node.op in _HASHES:
        return IntegerRange(0, node.attr["num_buckets"].i - 1)
    if node.op == "Const" or tensor in graph.captures:
        values = graph.constant(tensor)
        return IntegerRange.of_values(values) if values is not None and values.size else None
    if node.op == FIND:
        _, values = table_content(graph, read[0], node)
        return IntegerRange.around([IntegerRange.of_values(values), operand(read[2])])
    if node.op == TABLE_SIZE:
        return _table_size(graph, read[0])
    if node.op == "Cast":
        source = graph.static_tensors[read[0]].dtype
        return operand(read[0]) if source.is_integer or source.is_bool else None
    return _ARITHMETIC[node.op](*map(operand, read)) if node.op in _ARITHMETIC else None


def _table_size(graph: FlatGraph, table: str) -> IntegerRange | None:
    """The number of keys in a table; None if nothing is looked up in it."""
    for node in graph.nodes.values():
        if node.op == FIND and graph.data_inputs(node)[0] == table:
            size = len(table_content(graph, table, node)[0])
            return IntegerRange(size, size)
    return None


def _passed_on(node: NodeDef, tensor: str, read: Sequence[str]) -> list[str] | None:
    """The tensors whose values a tensor has; None if it has others."""
    if node.op == "Pack":
        return list(read)
    if node.op == "ConcatV2":
        return list(read[:-1])
    by_op = _PASSED_ON_SPARSE if tensor.endswith(":1") else _PASSED_ON
    return [read[position] for position in by_op[node.op]] if node.op in by_op else None


def _sum(one: IntegerRange, other: IntegerRange) -> IntegerRange:
    return IntegerRange(one.min + other.min, one.max + other.max)


def _difference(one: IntegerRange, other: IntegerRange) -> IntegerRange:
    return IntegerRange(one.min - other.max, one.max - other.min)


def _larger(one: IntegerRange, other: IntegerRange) -> IntegerRange:
    return IntegerRange(max(one.min, other.min), max(one.max, other.max))


def _smaller(one: IntegerRange, other: IntegerRange) -> IntegerRange:
    return IntegerRange(min(one.min, other.min), min(one.max, other.max))


def _remainder(_: IntegerRange, divisor: IntegerRange) -> IntegerRange | None:
    return IntegerRange(0, divisor.max - 1) if divisor.min > 0 else None


_ARITHMETIC: Mapping[str, Callable[[IntegerRange, IntegerRange], IntegerRange | None]] = {
    "Add": _sum,
    "AddV2": _sum,
    "FloorMod": _remainder,
    "Maximum": _larger,
    "Minimum": _smaller,
    "Sub": _difference,
}


def read_range(graph: FlatGraph, tensor: str) -> IntegerRange:
    """The range in which the values of a tensor matter to the ops that read it.

    Args:
        graph: The graph.
        tensor: The tensor.

    Returns:
        A range; that of int64 if nothing more is known.
    """
    readers = list(_readers(graph, tensor))
    for node, operands in readers:
        if len(operands) > 1 and operands[1] and (rows := _rows(graph, node)):
            return IntegerRange(0, rows - 1)
    if readers and all(_is_cast_to_32_bits(node) for node, _ in readers):
        return INT32
    return INT64


def _readers(graph: FlatGraph, tensor: str) -> Iterable[tuple[NodeDef, list[bool]]]:
    """The ops that read a tensor, past those that only move it, and which operands it is."""
    outputs = {graph.origin(output) for output in graph.outputs.values()}
    for node in graph.nodes.values():
        operands = [name == tensor for name in graph.data_inputs(node)]
        if any(operands) and node.op in _MOVES and node.name not in outputs:
            yield from _readers(graph, node.name)
        elif any(operands):
            yield node, operands


def _rows(graph: FlatGraph, node: NodeDef) -> int | None:
    """The number of rows that an op picks from by its second operand."""
    read = graph.data_inputs(node)
    if node.op == "ResourceGather":
        handle = graph.captures.get(read[0])
        return next((v.shape[0] for v in graph.variables if v.handle is handle), None)
    if node.op != "GatherV2":
        return None
    axis, shape = graph.constant(read[2]), graph.static_tensors[read[0]].shape
    return shape[int(axis)] if axis is not None and shape.rank else None


def _is_cast_to_32_bits(node: NodeDef) -> bool:
    if node.op != "Cast":
        return False
    dtype = tf.dtypes.as_dtype(node.attr["DstT"].type)
    return dtype.is_integer and dtype.size <= tf.int32.size
