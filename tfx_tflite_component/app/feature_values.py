"""What values of a feature tell its preprocessing apart, as far as the signature's graph shows.

The graph is not matched for patterns of any library. Whatever is computed from one feature only is
computed for a few values of it, and where that turns out to be a line, its slope and offset are the
scale and the center of the feature.
"""

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph, flatten
from tfx_tflite_component.graph.order import in_order
from tfx_tflite_component.graph.tables import FIND, table_content
from tfx_tflite_component.split.parse_ops import Layout, ParsedFeature

_RESHAPES = ("Reshape", "ExpandDims", "Squeeze")
_SEARCHES = ("UpperBound", "LowerBound")
_PROBES = np.array([0.0, 1.0, 2.0, 5.0])
_LINE_TOLERANCE = 1e-3
_MOST_TENSORS = 100
_MOST_BUCKETS = 64
# the range of integers that are not counts, such as pixels
_SMALL_RANGE = 2**16
_MOST_WORDS = 1000
_FEED_ERRORS = (tf.errors.OpError, ValueError, TypeError, SplitError)


@dataclasses.dataclass(frozen=True)
class Line:
    """A tensor that is `slope * feature + offset`."""

    slope: float
    offset: float

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """The values of the feature for values of the tensor."""
        return (values - self.offset) / self.slope


@dataclasses.dataclass(frozen=True)
class FeatureValues:
    """What the graph shows of a feature.

    Attributes:
        feature: The feature.
        center: A usual value of a number.
        scale: How far usual values are from it.
        words: The keys of the vocabularies that it is looked up in: bytes, or integers.
        boundaries: The boundaries of its buckets, ascending.
        num_classes: The number of classes, if it is a class; 0 otherwise.
        lowest: The smallest number that it can be.
        highest: The largest.
        is_used: Whether any output depends on it.
    """

    feature: ParsedFeature
    center: float = 0.0
    scale: float = 1.0
    words: tuple[bytes | int, ...] = ()
    boundaries: tuple[float, ...] = ()
    num_classes: int = 0
    lowest: float = -math.inf
    highest: float = math.inf
    is_used: bool = True


def feature_values(
    signature: ConcreteFunction, features: Sequence[ParsedFeature]
) -> list[FeatureValues]:
    """What a signature's graph shows of its features.

    Args:
        signature: The signature.
        features: The features that it parses; without tensors, its inputs of these names.
    """
    graph = flatten(signature)
    held = [
        feature
        if feature.tensors
        else dataclasses.replace(feature, tensors=(graph.inputs[feature.name],))
        for feature in features
        if feature.tensors or feature.name in graph.inputs
    ]
    tensors = {tensor for feature in held for tensor in feature.tensors}
    _, used = graph.ancestors(graph.fetches, stop=tensors)
    nodes = _nodes_of_one_feature(graph, held)
    return [
        _shown(graph, feature, nodes[feature.name])
        if used.intersection(feature.tensors)
        else FeatureValues(feature, is_used=False)
        for feature in held
    ]


def _nodes_of_one_feature(
    graph: FlatGraph, features: Sequence[ParsedFeature]
) -> dict[str, list[str]]:
    """The nodes that are computed from each feature and no other, in the order of the graph."""
    named = {tensor: feature.name for feature in features for tensor in feature.tensors}
    sources: dict[str, set[str]] = {}
    found: dict[str, list[str]] = {feature.name: [] for feature in features}
    try:
        order = in_order(graph, graph.fetches, stop=named)
    except SplitError:  # loops of TF1
        return found
    for name in order:
        node = graph.nodes[name]
        read = [graph.origin(tensor, named) for tensor in graph.data_inputs(node, named)]
        sources[name] = {
            source
            for tensor in read
            for source in (
                [named[tensor]] if tensor in named else sources.get(tensor.partition(":")[0], set())
            )
        }
        if len(sources[name]) == 1:
            found[next(iter(sources[name]))].append(name)
    return found


def _shown(graph: FlatGraph, feature: ParsedFeature, nodes: Sequence[str]) -> FeatureValues:
    words = tuple(_words(graph, nodes, feature))[:_MOST_WORDS]
    if feature.dtype == tf.string:
        return FeatureValues(feature, words=words)
    lines = _lines(graph, feature, nodes)
    boundaries = _boundaries(graph, feature, nodes, lines)
    lowest, highest = _limits(graph, feature)
    center, scale = _center_and_scale(_normalization(lines), boundaries, lowest, highest)
    classes = 0 if boundaries or words else _num_classes(graph, feature, nodes, lines)
    return FeatureValues(feature, center, scale, words, boundaries, classes, lowest, highest)


def _limits(graph: FlatGraph, feature: ParsedFeature) -> tuple[float, float]:
    """The smallest and largest value of an integer that has fewer bits than in a `tf.Example`."""
    dtype = graph.static_tensors[feature.tensors[0]].dtype
    if feature.layout != Layout.DENSE or dtype.is_floating or dtype == feature.dtype:
        return -math.inf, math.inf
    return (0.0, 1.0) if dtype.is_bool else (float(dtype.min), float(dtype.max))


def _center_and_scale(
    normalization: Line | None, boundaries: Sequence[float], lowest: float, highest: float
) -> tuple[float, float]:
    if 1 < highest - lowest <= _SMALL_RANGE:
        return (lowest + highest) / 2, (highest - lowest) / 4
    if normalization:
        return float(normalization.inverse(np.array(0.0))), abs(1 / normalization.slope)
    if len(boundaries) > 1:
        first, last = boundaries[0], boundaries[-1]
        return (first + last) / 2, (last - first) / 2
    return (boundaries[0] if boundaries else 0.0), 1.0


def _normalization(lines: Mapping[str, Line]) -> Line | None:
    """The line that is most like a normalization: shifted and scaled, or either."""

    def rank(name: str) -> tuple[int, bool, str]:
        line = lines[name]
        return (line.offset != 0) + (line.slope != 1), line.offset != 0, name

    best = max(lines, key=rank, default=None)
    return None if best is None or lines[best] == Line(1.0, 0.0) else lines[best]


def _num_classes(
    graph: FlatGraph, feature: ParsedFeature, nodes: Sequence[str], lines: Mapping[str, Line]
) -> int:
    """The number of classes of a feature that is itself a class; 0 for other features."""
    if not feature.dtype.is_integer:
        return 0
    same = {*feature.tensors, *(name for name, line in lines.items() if line == Line(1.0, 0.0))}
    for name in nodes:
        node = graph.nodes[name]
        inputs = graph.data_inputs(node, feature.tensors)
        if node.op in ("OneHot", "DenseBincount") and inputs[0] in same:
            # Keras computes the size from constants
            sizes = _fed(graph, feature, inputs[1:2], _PROBES)
            return int(sizes[0]) if sizes and sizes[0].ndim == 0 else 0
        if node.op in ("Gather", "GatherV2", "ResourceGather") and inputs[1] in same:
            return _num_rows(graph, inputs[0])
    return 0


def _num_rows(graph: FlatGraph, tensor: str) -> int:
    """The first size of a tensor or of the variable that a handle stands for; 0 if unknown."""
    handle = graph.captures.get(tensor)
    held = [variable.shape for variable in graph.variables if variable.handle is handle]
    shape = held[0] if held else graph.static_tensors[tensor].shape
    return (shape[0] or 0) if shape.rank else 0


def _words(graph: FlatGraph, nodes: Sequence[str], feature: ParsedFeature) -> Iterator[bytes | int]:
    """The keys of the tables that a feature is looked up in."""
    seen: set[bytes | int] = set()
    for name in nodes:
        node = graph.nodes[name]
        if node.op != FIND or tf.dtypes.as_dtype(node.attr["Tin"].type) != feature.dtype:
            continue
        try:
            keys, _ = table_content(graph, graph.data_inputs(node)[0], node)
        except SplitError:
            continue
        for key in keys.tolist():
            if key not in seen:
                seen.add(key)
                yield key


def _lines(graph: FlatGraph, feature: ParsedFeature, nodes: Sequence[str]) -> dict[str, Line]:
    """The tensors that are linear functions of a feature, in the order of the graph."""
    static = graph.static_tensors
    wanted = [
        name
        for name in nodes
        if (spec := static.get(name)) is not None
        and (spec.dtype.is_floating or spec.dtype.is_integer)
    ][:_MOST_TENSORS]
    lines = {}
    for name, values in zip(wanted, _fed(graph, feature, wanted, _PROBES), strict=False):
        line = _line(values)
        if line:
            lines[name] = line
    return lines


def _line(values: np.ndarray) -> Line | None:
    """The line through a tensor's values for the probes; the same for all of its elements."""
    if values.ndim == 0 or len(values) != len(_PROBES) or not values[0].size:
        return None
    points = values.reshape(len(_PROBES), -1).astype(np.float64)
    slopes, offsets = points[1] - points[0], points[0]
    expected = offsets + np.outer(_PROBES, slopes)
    room = _LINE_TOLERANCE * np.abs(slopes) + 1e-5 * np.abs(offsets)
    if not (slopes != 0).all() or not (np.abs(points - expected) <= room).all():
        return None
    return Line(float(np.median(slopes)), float(np.median(offsets)))


def _boundaries(
    graph: FlatGraph, feature: ParsedFeature, nodes: Sequence[str], lines: Mapping[str, Line]
) -> tuple[float, ...]:
    """The boundaries of a feature's buckets, in its own unit."""
    known = {**dict.fromkeys(feature.tensors, Line(1.0, 0.0)), **lines}
    values = sorted(
        {
            float(value)
            for tensor, limits in _searched(graph, feature, nodes)
            if (found := _unshaped(graph, tensor, known)) in known
            for value in known[found].inverse(limits)
        }
    )
    return tuple(values[:: -(-len(values) // _MOST_BUCKETS) or 1])


def _unshaped(graph: FlatGraph, tensor: str, known: Collection[str]) -> str:
    """The tensor whose elements a tensor has in the same order, or the first of `known`."""
    while tensor not in known and graph.node(tensor).op in _RESHAPES:
        tensor = graph.data_inputs(graph.node(tensor), known)[0]
    return tensor


def _searched(
    graph: FlatGraph, feature: ParsedFeature, nodes: Sequence[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """The tensors that are put into buckets, and the boundaries of these."""
    for name in nodes:
        node = graph.nodes[name]
        inputs = graph.data_inputs(node)
        if node.op == "Bucketize":
            yield inputs[0], np.array(node.attr["boundaries"].list.f, np.float64)
        elif node.op in _SEARCHES:
            limits = _fed(graph, feature, inputs[:1], _PROBES[:1])
            # each row has its own row of boundaries, all of which are the same
            if limits and limits[0].ndim:
                rows = limits[0].reshape(-1, limits[0].shape[-1])
                yield inputs[1], rows[0].astype(np.float64)


def _fed(
    graph: FlatGraph, feature: ParsedFeature, tensors: Sequence[str], values: np.ndarray
) -> list[np.ndarray]:
    """Tensors that depend on one feature only, for an example with each value; empty if refused."""
    dtype = graph.static_tensors[feature.tensors[feature.layout == Layout.SPARSE]].dtype
    feeds = _feeds(feature, tf.cast(tf.constant(values), dtype))
    try:
        return graph.evaluate(tensors, feeds)
    except _FEED_ERRORS:
        return []


def _feeds(feature: ParsedFeature, values: tf.Tensor) -> Mapping[str, tf.Tensor]:
    """What a parse op would return for an example with each value, in all elements."""
    count = len(values)
    if feature.layout == Layout.DENSE:
        shape = [1 if size is None else size for size in feature.shape]
        column = tf.reshape(values, [count, *([1] * len(shape))])
        tensors = [tf.broadcast_to(column, [count, *shape])]
    elif feature.layout == Layout.RAGGED:
        tensors = [values, tf.range(count + 1, dtype=feature.split_dtype)]
    else:
        indices = tf.constant([[row, 0] for row in range(count)], tf.int64)
        tensors = [indices, values, tf.constant([count, 1], tf.int64)]
    return dict(zip(feature.tensors, tensors, strict=True))
