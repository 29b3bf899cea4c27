"""Crossings: the head packs each feature into inputs of the tail, and the tail unpacks it.

The outputs of a parse op are not always tensors that an app can provide. There are three kinds of
crossings:

1. A dense feature crosses unchanged.
2. A sparse feature whose only use is to be made dense crosses as the dense tensor, so that the tail
   has no sparse op, and missing values get the defaults of the model's own preprocessing.
3. Any other sparse or ragged feature crosses as `<feature>` [batch, longest], padded, and
   `<feature>_length` [batch], and is rebuilt exactly.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import FlatGraph
from tfx_tflite_component.split.parse_ops import Layout, ParsedFeature

Tensors = Mapping[str, tf.Tensor]

LENGTH_SUFFIX = "_length"

_REARRANGING = ("SparseReorder", "SparseSlice", "SparseFillEmptyRows")


@dataclasses.dataclass(frozen=True)
class Crossing:
    """One feature at the boundary.

    Attributes:
        inputs: The inputs of the tail for this feature.
        tensors: The tensors of the graph that cross.
        pack: In the head: turns those tensors into inputs of the tail.
        unpack: In the tail: turns its inputs into those tensors.
        spec: The known shape and dtype of an input that crosses unchanged.
        holds: The tensor of the signature's graph whose values an input holds. Inputs that are not
            among them hold lengths.
    """

    inputs: tuple[str, ...]
    tensors: tuple[str, ...]
    pack: Callable[[Sequence[tf.Tensor]], dict[str, tf.Tensor]]
    unpack: Callable[[Tensors], list[tf.Tensor]]
    spec: tf.TensorSpec | None = None
    holds: Mapping[str, str] = dataclasses.field(default_factory=dict)


def crossings(
    graph: FlatGraph, features: Iterable[ParsedFeature], stop: Collection[str] = ()
) -> list[Crossing]:
    """The crossing of each feature that an output depends on.

    Args:
        graph: The graph of a signature.
        features: The features that it parses.
        stop: Tensors that cross by themselves: features that are used only for them do not cross.

    Raises:
        SplitError: Two parse ops read the same feature differently.
    """
    parsed = {tensor for feature in features for tensor in feature.tensors}
    nodes, used = graph.ancestors(graph.fetches, stop=parsed.union(stop))
    features = [feature for feature in features if not used.isdisjoint(feature.tensors)]
    repeated = _repeated(features)
    densified = {
        feature: _densified(graph, feature, nodes)
        for feature in features
        if feature.layout is Layout.SPARSE and feature.name not in repeated
    }
    cut = parsed.union(stop, *densified.values())
    _, still_used = graph.ancestors(graph.fetches, stop=cut)
    ways = [
        _crossing(
            graph,
            feature,
            densified.get(feature, []) if still_used.isdisjoint(feature.tensors) else [],
        )
        for feature in features
    ]
    _check_inputs(features, ways)
    return ways


def _crossing(graph: FlatGraph, feature: ParsedFeature, dense: Sequence[str]) -> Crossing:
    if feature.layout is Layout.DENSE:
        return whole(feature.name, *feature.tensors)
    if dense and _same(graph, dense):
        return whole(feature.name, *dense)
    if feature.layout is Layout.SPARSE:
        return sparse(feature.name, *feature.tensors)
    return ragged(feature.name, feature.split_dtype, *feature.tensors)


def _check_inputs(features: Sequence[ParsedFeature], ways: Sequence[Crossing]) -> None:
    owners: dict[str, str] = {}
    for feature, way in zip(features, ways, strict=True):
        for name in way.inputs:
            owner = owners.setdefault(name, feature.name)
            if owner != feature.name:
                raise SplitError(
                    f"Features {owner!r} and {feature.name!r} both need an input {name!r}: a "
                    f"variable-length feature also makes one with its lengths, named "
                    f"`<feature>{LENGTH_SUFFIX}`. Rename one of them."
                )


def whole(name: str, *tensors: str, spec: tf.TensorSpec | None = None) -> Crossing:
    """A crossing of a dense tensor under a name; all of `tensors` have its value."""

    def pack(values: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        crossing = tf.identity(values[0])
        if spec is not None:
            # scoring asks the head for the inputs that have a batch dimension
            crossing.set_shape(spec.shape)
        return {name: crossing}

    return Crossing(
        (name,),
        tensors,
        pack=pack,
        unpack=lambda inputs: [inputs[name]] * len(tensors),
        spec=spec,
        holds={name: tensors[0]},
    )


def _repeated(features: Iterable[ParsedFeature]) -> set[str]:
    """The names of features that several parse ops read, all in the same way."""
    first: dict[str, ParsedFeature] = {}
    repeated = set()
    for feature in features:
        if feature.name in first:
            repeated.add(feature.name)
            # as strings, because a default of NaN does not equal itself
            if str(feature) != str(first[feature.name]):
                raise SplitError(
                    f"Feature {feature.name!r} is parsed twice in different ways: as "
                    f"{first[feature.name]}, and as {feature}. Parse it once in the serving "
                    "function, or alike."
                )
        first.setdefault(feature.name, feature)
    return repeated


def _densified(graph: FlatGraph, feature: ParsedFeature, nodes: Iterable[str]) -> list[str]:
    """The dense tensors that hold the parsed values of one sparse feature."""
    return [
        name
        for name in sorted(nodes)
        if graph.nodes[name].op == "SparseToDense"
        and _holds_values(graph, name, feature)
        and graph.depends_only_on(name, feature.tensors)
    ]


def _holds_values(graph: FlatGraph, dense: str, feature: ParsedFeature) -> bool:
    """Whether the input of a `SparseToDense` op is the parsed feature itself."""
    _, _, values, _ = graph.data_inputs(graph.nodes[dense])
    while graph.node(values).op in _REARRANGING:
        _, values, *_ = graph.data_inputs(graph.node(values))
    return values in feature.tensors


def _same(graph: FlatGraph, tensors: Sequence[str]) -> bool:
    """Whether tensors are all computed by the same expression."""
    return len({_expression(graph, tensor) for tensor in tensors}) == 1


def _expression(graph: FlatGraph, tensor: str) -> tuple[object, ...]:
    tensor = graph.origin(tensor)
    node = graph.node(tensor)
    if not graph.data_inputs(node) and node.op != "Const":
        return (tensor,)
    attributes = tuple(
        (key, node.attr[key].SerializeToString(deterministic=True))
        for key in sorted(node.attr)
        if not key.startswith("_")
    )
    operands = tuple(_expression(graph, name) for name in graph.data_inputs(node))
    return (node.op, tensor.partition(":")[2], attributes, operands)


def sparse(name: str, *tensors: str) -> Crossing:
    """A crossing of a sparse tensor [batch, longest]: its indices, values and dense shape.

    Each row begins with its values, as parse ops return them.
    """

    def pack(values: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        indices, flat, shape = values
        # not every op states the rank of its result
        rows = tf.SparseTensor(
            tf.ensure_shape(indices, [None, 2]), flat, tf.ensure_shape(shape, [2])
        )
        return _padded(name, tf.RaggedTensor.from_sparse(rows))

    def unpack(inputs: Tensors) -> list[tf.Tensor]:
        indices, values, lengths = _unpadded(name, inputs)
        rows = tf.shape(lengths, tf.int64)[0]
        return [indices, values, tf.stack([rows, tf.reduce_max(lengths)])]

    return Crossing((name, name + LENGTH_SUFFIX), tensors, pack, unpack, holds={name: tensors[1]})


def ragged(name: str, dtype: tf.DType, *tensors: str) -> Crossing:
    """A crossing of a ragged tensor [batch, None]: its values, and its row splits of a dtype."""

    def pack(values: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        flat, row_splits = values
        return _padded(name, tf.RaggedTensor.from_row_splits(flat, row_splits))

    def unpack(inputs: Tensors) -> list[tf.Tensor]:
        _, values, lengths = _unpadded(name, inputs)
        row_splits = tf.concat([[0], tf.cumsum(lengths)], axis=0)
        return [values, tf.cast(row_splits, dtype)]

    return Crossing((name, name + LENGTH_SUFFIX), tensors, pack, unpack, holds={name: tensors[0]})


def _padded(name: str, rows: tf.RaggedTensor) -> dict[str, tf.Tensor]:
    dense = rows.to_tensor()
    # TFLite does not support empty tensors: a batch without any value gets one column of padding
    missing = tf.maximum(1 - tf.shape(dense)[1], 0)
    return {
        name: tf.pad(dense, [[0, 0], [0, missing]], constant_values=_zero(rows.dtype)),
        name + LENGTH_SUFFIX: tf.cast(rows.row_lengths(), tf.int64),
    }


def _unpadded(name: str, inputs: Tensors) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    dense, lengths = inputs[name], inputs[name + LENGTH_SUFFIX]
    indices = tf.where(tf.sequence_mask(lengths, tf.shape(dense)[1]))
    return indices, tf.gather_nd(dense, indices), lengths


def _zero(dtype: tf.DType) -> tf.Tensor:
    return tf.constant("") if dtype == tf.string else tf.zeros([], dtype)
