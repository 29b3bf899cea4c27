"""The ops that parse `tf.Example`s, and the features that they name."""

import dataclasses
import enum
from collections.abc import Collection

import tensorflow as tf

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef

PARSE_OPS = ("ParseExample", "ParseExampleV2")
_UNSUPPORTED_PARSE_OPS = (
    "ParseSingleExample",
    "ParseSequenceExample",
    "ParseSequenceExampleV2",
    "ParseSingleSequenceExample",
    "DecodeProtoV2",
)


class Layout(enum.Enum):
    """The form in which a parse op returns a feature."""

    DENSE = "dense"
    SPARSE = "sparse"
    RAGGED = "ragged"


@dataclasses.dataclass(frozen=True)
class ParsedFeature:
    """One feature that a parse op reads.

    Attributes:
        name: The feature's key in a `tf.Example`.
        layout: The form in which the op returns it.
        dtype: float32, int64 or string.
        shape: The shape in one example; unknown sizes are None. `(None,)` unless dense.
        default: The value of a missing dense feature; empty if it is required.
        tensors: The outputs of the parse op: (values) if dense, (indices, values, dense shape)
            if sparse, (values, row splits) if ragged.
        split_dtype: The dtype of the row splits if ragged.
    """

    name: str
    layout: Layout
    dtype: tf.DType
    shape: tuple[int | None, ...]
    default: tuple[object, ...]
    tensors: tuple[str, ...]
    split_dtype: tf.DType | None = None

    def __str__(self) -> str:
        words = f"{self.layout.value} {self.dtype.name} {list(self.shape)}"
        if self.default:
            words += f" with default {list(self.default)}"
        return f"{words}, row splits {self.split_dtype.name}" if self.split_dtype else words


def find_parse_ops(graph: FlatGraph, stop: Collection[str] = ()) -> list[NodeDef]:
    """The parse ops that the signature's outputs depend on.

    Args:
        graph: The signature's graph.
        stop: Tensors at which the search stops.

    Raises:
        SplitError: One of the ops does not parse a batch of `tf.Example`s, or is inside control
            flow.
    """
    names, _ = graph.ancestors(graph.fetches, stop)
    nodes = [graph.nodes[name] for name in sorted(names)]
    for node in nodes:
        if node.op in _UNSUPPORTED_PARSE_OPS:
            raise _refusal(node)
        for inner in graph.inner_nodes(node):
            if inner.op in (*PARSE_OPS, *_UNSUPPORTED_PARSE_OPS):
                raise _refusal(inner, f" inside {node.name!r} ({node.op})")
    return [node for node in nodes if node.op in PARSE_OPS]


def parses(graph: FlatGraph) -> bool:
    """Whether the signature's outputs depend on any op that parses `tf.Example`s."""
    names, _ = graph.ancestors(graph.fetches)
    return any(
        part.op in (*PARSE_OPS, *_UNSUPPORTED_PARSE_OPS)
        for name in names
        for part in (graph.nodes[name], *graph.inner_nodes(graph.nodes[name]))
    )


def readable_features(graph: FlatGraph) -> tuple[ParsedFeature, ...]:
    """All features that the signature parses; empty if the features cannot be determined."""
    try:
        parse_ops = find_parse_ops(graph)
        return tuple(feature for node in parse_ops for feature in parsed_features(graph, node))
    except SplitError:
        return ()


def _refusal(node: NodeDef, where: str = "") -> SplitError:
    return SplitError(
        f"Op {node.name!r} is a {node.op}{where}; only a batch of tf.Examples parsed by one "
        "tf.io.parse_example outside of control flow can be split off. Export a signature that "
        "parses that way, or one that takes the parsed tensors."
    )


def parsed_features(graph: FlatGraph, node: NodeDef) -> list[ParsedFeature]:
    """The features of one parse op.

    The layout of inputs and outputs follows the op definitions in
    tensorflow/core/ops/parsing_ops.cc.
    """
    keys = _keys(graph, node)
    outputs = _outputs(node, keys)
    features = []
    for index, name in enumerate(keys[Layout.SPARSE]):
        dtype = tf.dtypes.as_dtype(node.attr["sparse_types"].list.type[index])
        tensors = outputs[Layout.SPARSE][index]
        features.append(ParsedFeature(name, Layout.SPARSE, dtype, (None,), (), tensors))
    for index, name in enumerate(keys[Layout.RAGGED]):
        dtype = tf.dtypes.as_dtype(node.attr["ragged_value_types"].list.type[index])
        split_dtype = tf.dtypes.as_dtype(node.attr["ragged_split_types"].list.type[index])
        tensors = outputs[Layout.RAGGED][index]
        features.append(
            ParsedFeature(name, Layout.RAGGED, dtype, (None,), (), tensors, split_dtype)
        )
    features += _dense_features(graph, node, keys[Layout.DENSE], outputs[Layout.DENSE])
    return features


def _dense_features(
    graph: FlatGraph,
    node: NodeDef,
    keys: list[str],
    outputs: list[tuple[str, ...]],
) -> list[ParsedFeature]:
    dtypes = node.attr["Tdense"].list.type
    shapes = node.attr["dense_shapes"].list.shape
    defaults = graph.data_inputs(node)[-len(keys) :] if keys else []
    features = []
    for index, (name, default) in enumerate(zip(keys, graph.constants(defaults), strict=True)):
        shape = tuple(None if size == -1 else size for size in tf.TensorShape(shapes[index]))
        if default is None:
            raise SplitError(
                f"Feature {name!r}: its default value is computed in the graph (op "
                f"{graph.node(defaults[index]).name!r}), not a constant. Use a constant default."
            )
        features.append(
            ParsedFeature(
                name,
                Layout.DENSE,
                tf.dtypes.as_dtype(dtypes[index]),
                shape,
                tuple(default.ravel().tolist()),
                outputs[index],
            )
        )
    return features


def _keys(graph: FlatGraph, node: NodeDef) -> dict[Layout, list[str]]:
    inputs = graph.data_inputs(node)
    if node.op == "ParseExampleV2":
        tensors = {
            Layout.SPARSE: inputs[2:3],
            Layout.DENSE: inputs[3:4],
            Layout.RAGGED: inputs[4:5],
        }
    else:
        sparse = 2 + node.attr["Nsparse"].i
        dense = sparse + node.attr["Ndense"].i
        tensors = {
            Layout.SPARSE: inputs[2:sparse],
            Layout.DENSE: inputs[sparse:dense],
            Layout.RAGGED: [],
        }
    return {layout: _strings(graph, node, names) for layout, names in tensors.items()}


def _strings(graph: FlatGraph, node: NodeDef, tensors: list[str]) -> list[str]:
    strings: list[str] = []
    for tensor in tensors:
        value = graph.constant(tensor)
        if value is None:
            raise SplitError(
                f"Op {node.name!r} ({node.op}) takes the names of its features from op "
                f"{graph.node(tensor).name!r}, not from a constant, so that they cannot be known. "
                "Give tf.io.parse_example a fixed feature specification."
            )
        strings += [key.decode() for key in value.ravel().tolist()]
    return strings


def _outputs(node: NodeDef, keys: dict[Layout, list[str]]) -> dict[Layout, list[tuple[str, ...]]]:
    sparse, dense, ragged = (
        len(keys[layout]) for layout in (Layout.SPARSE, Layout.DENSE, Layout.RAGGED)
    )
    name = [node.name] + [
        f"{node.name}:{index}" for index in range(1, 3 * sparse + dense + 2 * ragged)
    ]
    first_ragged = 3 * sparse + dense
    return {
        Layout.SPARSE: [(name[i], name[sparse + i], name[2 * sparse + i]) for i in range(sparse)],
        Layout.DENSE: [(name[3 * sparse + i],) for i in range(dense)],
        Layout.RAGGED: [
            (name[first_ragged + i], name[first_ragged + ragged + i]) for i in range(ragged)
        ],
    }
