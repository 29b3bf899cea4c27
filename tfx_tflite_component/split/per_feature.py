"""Each feature's own boundary: where it is parsed, or after the last op without a builtin form.

1. A feature that no such op reads is parsed by the head and crosses as it is.
2. A feature that TF Transform computes with such an op crosses transformed, under the name that
   `preprocessing_fn` gave it.
3. Of any other feature that such ops read, the fewest tensors cross that separate these ops, and
   the feature itself, from the rest of the model; among several such sets, the one that leaves the
   least to the head. They are computed from this feature only, or from the features that an op
   without a builtin form reads together, and from no weights of the model.
"""

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.errors import SplitError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph, without_calls
from tfx_tflite_component.graph.order import in_order
from tfx_tflite_component.graph.vertex_cut import Vertex, smallest_cut
from tfx_tflite_component.split.batch_dimension import batch_dimension
from tfx_tflite_component.split.crossings import LENGTH_SUFFIX, Crossing, whole
from tfx_tflite_component.split.parse_ops import Layout, ParsedFeature, parses, readable_features
from tfx_tflite_component.split.tf_transform import transformed_features

# the dtypes of inputs that an app can fill
_DTYPES = (tf.bool, tf.float32, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.string)
_MOST_FEATURES_IN_NAME = 3


@dataclasses.dataclass(frozen=True)
class _Feature:
    """A feature that a graph reads, or an input of a signature that does not parse.

    Attributes:
        name: Its name.
        tensors: Its tensors in the graph.
        num_inputs: The number of inputs that it crosses as; None for serialized `tf.Example`s,
            which do not cross.
    """

    name: str
    tensors: tuple[str, ...]
    num_inputs: int | None


@dataclasses.dataclass(frozen=True)
class _Origins:
    """What each node that a graph's outputs depend on is computed from.

    Attributes:
        owners: The feature that a tensor belongs to.
        reads: The tensors that each node reads, in an order in which the nodes can be computed.
        features: The features that each node depends on.
        weighted: The nodes that depend on the model's weights.
    """

    owners: Mapping[str, _Feature]
    reads: Mapping[str, Sequence[str]]
    features: Mapping[str, frozenset[_Feature]]
    weighted: frozenset[str]


def per_feature(
    graph: FlatGraph,
    signature: ConcreteFunction,
    transform: ConcreteFunction | None,
    refused: Collection[str],
) -> list[Crossing]:
    """The crossings that are later in the graph than the inputs or parse ops.

    Args:
        graph: The graph of the signature.
        signature: The signature, as `load_signature` gives it.
        transform: The function of the transform graph, if it is given.
        refused: The nodes that have no builtin form.

    Raises:
        SplitError: A node without a builtin form depends on the model's weights, or computes an
            output, or nothing that depends on it can cross.
    """
    transformed = _transformed(graph, signature, transform, refused)
    handed = {tensor for way in transformed for tensor in way.tensors}
    refused = set(refused).intersection(graph.ancestors(graph.outputs.values(), stop=handed)[0])
    if not refused:
        return transformed
    parsed = readable_features(graph)
    origins = _origins(graph, _features(graph, parsed, transformed))
    _check_weights(graph, refused, origins)
    spec = _crossable(graph, parsed)
    tensors = _separating(graph, origins, refused, spec)
    _check_outputs(graph, tensors)
    _, used = graph.ancestors(graph.outputs.values(), stop={*origins.owners, *tensors})
    kept = [way for way in transformed if not used.isdisjoint(way.tensors)]
    taken = {name for way in kept for name in way.inputs}
    for feature in {origins.owners[tensor] for tensor in used & origins.owners.keys()}:
        taken |= {feature.name, feature.name + LENGTH_SUFFIX}
    names = _names(graph, tensors, origins, taken)
    return [*kept, *(whole(name, tensor, spec=spec(tensor)) for tensor, name in names.items())]


def _transformed(
    graph: FlatGraph,
    signature: ConcreteFunction,
    transform: ConcreteFunction | None,
    refused: Collection[str],
) -> list[Crossing]:
    """The transformed features that depend on nodes without a builtin form."""
    try:
        ways, _ = transformed_features(graph, signature, transform)
    except SplitError:
        # a model without TF Transform, or whose transformed features have no names
        return []
    return [way for way in ways if not set(refused).isdisjoint(graph.ancestors(way.tensors)[0])]


def _features(
    graph: FlatGraph, parsed: Iterable[ParsedFeature], transformed: Iterable[Crossing]
) -> list[_Feature]:
    features = [_Feature(way.inputs[0], way.tensors, len(way.inputs)) for way in transformed]
    features += [
        _Feature(feature.name, feature.tensors, 1 if feature.layout is Layout.DENSE else 2)
        for feature in parsed
    ]
    num_inputs = None if parses(graph) else 1
    features += [_Feature(name, (tensor,), num_inputs) for name, tensor in graph.inputs.items()]
    return features


def _origins(graph: FlatGraph, features: Iterable[_Feature]) -> _Origins:
    owners = {tensor: feature for feature in features for tensor in feature.tensors}
    names = in_order(graph, graph.outputs.values(), stop=owners)
    reads = {name: graph.data_inputs(graph.nodes[name], stop=owners) for name in names}
    computed: dict[str, frozenset[_Feature]] = {}
    weighted = _weights(graph)
    for name in names:
        inner = [graph.node(tensor).name for tensor in reads[name] if tensor not in owners]
        own = {owners[tensor] for tensor in reads[name] if tensor in owners}
        computed[name] = frozenset(own).union(*(computed[before] for before in inner))
        if not weighted.isdisjoint(inner):
            weighted.add(name)
    return _Origins(owners, reads, computed, frozenset(weighted))


def _weights(graph: FlatGraph) -> set[str]:
    """The nodes of the model's weights; preprocessing that is not learned has none."""
    handles = {id(variable.handle) for variable in graph.variables if variable.dtype.is_floating}
    captured = {name for name, tensor in graph.captures.items() if id(tensor) in handles}
    return captured.union(name for name, node in graph.nodes.items() if node.op == "VariableV2")


def _check_weights(graph: FlatGraph, refused: Iterable[str], origins: _Origins) -> None:
    if weighted := sorted(origins.weighted.intersection(refused)):
        ops = sorted({graph.nodes[name].op for name in weighted})
        raise SplitError(
            f"The model's weights come before {listed(ops)} in "
            f"{listed(map(without_calls, weighted))}: with a boundary after it, the app would have "
            "to compute a part of the trained model. Use other ops there, or name the tensors by "
            "input_boundary: TENSORS and `boundary_tensors`."
        )


def _crossable(
    graph: FlatGraph, parsed: Sequence[ParsedFeature]
) -> Callable[[str], tf.TensorSpec | None]:
    """Dtype and shape of the tensors that can cross by themselves."""
    batch = batch_dimension(graph, parsed)

    @functools.cache
    def spec(tensor: str) -> tf.TensorSpec | None:
        found = batch.spec(tensor)
        return found if found is not None and found.dtype in _DTYPES else None

    return spec


def _separating(
    graph: FlatGraph,
    origins: _Origins,
    refused: Collection[str],
    spec: Callable[[str], tf.TensorSpec | None],
) -> list[str]:
    """The fewest tensors that separate ops without a builtin form from the rest of the model."""
    together = _together(origins.features[name] for name in refused)
    operands = [tensor for name in refused for tensor in origins.reads[name]]
    head = set(graph.ancestors(operands, stop=origins.owners)[0]).union(refused)
    read = _read_tensors(graph, origins)
    features = set().union(*together)
    edges: list[tuple[Vertex, Vertex]] = [
        (feature, tensor) for feature in features for tensor in feature.tensors
    ]
    sinks = {graph.origin(tensor, stop=origins.owners) for tensor in graph.outputs.values()}
    for name, tensors in origins.reads.items():
        own = origins.features[name]
        is_preprocessing = name not in origins.weighted and any(own <= group for group in together)
        if name in head or (own and is_preprocessing):
            into = read.get(name, []) if name not in refused else []
            edges += [(tensor, output) for tensor in tensors for output in into]
        else:
            sinks.update(tensors)
    costs: dict[Vertex, int] = {
        feature: feature.num_inputs for feature in features if feature.num_inputs
    }
    computed = {tensor for edge in edges for tensor in edge if isinstance(tensor, str)} | sinks
    costs |= {tensor: 1 for tensor in computed if tensor not in origins.owners and spec(tensor)}
    sources = [*features, *(tensor for name in refused for tensor in read.get(name, []))]
    cut = smallest_cut(edges, costs, sources, sinks)
    if cut is None:
        ops = sorted({graph.nodes[name].op for name in refused})
        raise SplitError(
            f"The result of {listed(ops)} cannot be an input of the model: it has no batch "
            "dimension, or a type that TFLite does not support. Name other tensors by "
            "input_boundary: TENSORS and `boundary_tensors`."
        )
    return sorted(tensor for tensor in cut if isinstance(tensor, str))


def _together(groups: Iterable[frozenset[_Feature]]) -> list[frozenset[_Feature]]:
    """The features of each group, groups that share one joined."""
    joined: list[frozenset[_Feature]] = []
    for group in groups:
        shared = [other for other in joined if group & other]
        joined = [other for other in joined if not group & other]
        joined.append(group.union(*shared))
    return joined


def _read_tensors(graph: FlatGraph, origins: _Origins) -> Mapping[str, list[str]]:
    """The outputs of each node that something reads."""
    tensors = {tensor for read in origins.reads.values() for tensor in read}
    tensors |= {graph.origin(tensor, stop=origins.owners) for tensor in graph.outputs.values()}
    found: dict[str, list[str]] = {}
    for tensor in sorted(tensors.difference(origins.owners)):
        found.setdefault(graph.node(tensor).name, []).append(tensor)
    return found


def _check_outputs(graph: FlatGraph, tensors: Collection[str]) -> None:
    for name, tensor in graph.outputs.items():
        origin = graph.origin(tensor, stop=tensors)
        if origin in tensors:
            raise SplitError(
                f"Output {name!r} is the result of op {without_calls(origin)!r}, which has no "
                "builtin form, so the model could not compute it. Leave this output out of the "
                "signature."
            )


def _names(
    graph: FlatGraph, tensors: Sequence[str], origins: _Origins, taken: Collection[str]
) -> dict[str, str]:
    """A name for each tensor: that of its feature, with that of its layer where there are several.

    Args:
        graph: The graph.
        tensors: The tensors.
        origins: What they are computed from.
        taken: The names of other inputs.
    """
    names: dict[str, str] = {}
    for tensor in tensors:
        layer = without_calls(graph.node(tensor).name).split("/")[0]
        features = sorted(feature.name for feature in origins.features[graph.node(tensor).name])
        few = 0 < len(features) <= _MOST_FEATURES_IN_NAME
        base = "_".join(features) if few else layer
        choices = [base, f"{base}_{layer}"]
        choices += [f"{base}_{layer}_{number}" for number in range(2, len(tensors) + 2)]
        used = {*taken, *names.values()}
        names[tensor] = next(name for name in choices if name not in used)
    return names
