"""Finds the outputs of TF Transform in a serving graph.

A Trainer that follows TFX's templates calls `tf_transform_output.transform_features_layer()` in its
serving function, and the layer calls the transform graph. That call is inlined like any other, and
its results stay in the graph as separate identities, in the order of the transform graph's outputs.
Their names come from elsewhere: from the same call in a function that returns the transformed
features by name, such as the layer itself or a signature `transform_features`, or from the
transform graph, if it is given.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.errors import SplitError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph, inline
from tfx_tflite_component.split.crossings import Crossing, ragged, sparse, whole

_RETURNED = re.compile(r"Func/(?P<call>.+)/output/_(?P<number>\d+)")
_LAYER = re.compile(r"(^|/)transform_features_layer(_\d+)?/(Stateful)?PartitionedCall")
_NOT_COMPARED = ("Identity", "NoOp", "Placeholder")
_REMEDY = (
    "Connect transform_graph=transform.outputs['transform_graph'] to the component, or name the "
    "tensors by input_boundary: TENSORS and `boundary_tensors`."
)


@dataclasses.dataclass(frozen=True)
class _Feature:
    """A transformed feature: its dtype and shape, and the positions of its tensors."""

    spec: tf.TypeSpec
    positions: Sequence[int]


def transformed_features(
    graph: FlatGraph, signature: ConcreteFunction, transform: ConcreteFunction | None
) -> tuple[list[Crossing], str]:
    """The crossings of the transformed features that the signature's outputs depend on.

    Args:
        graph: The graph of the signature.
        signature: The signature, as `load_signature` gives it.
        transform: The function of the transform graph, if given.

    Returns:
        The crossings, and a description of where they are.

    Raises:
        SplitError: TF Transform's call or the names of its features cannot be found.
    """
    call, returned = _call(graph, transform)
    features = _in_order(transform) if transform else _by_name(signature, _content(graph, call))
    _, used = graph.ancestors(graph.fetches, stop=returned)
    unnamed = used.difference(
        returned[position] for feature in features.values() for position in feature.positions
    )
    if unnamed:
        raise SplitError(
            f"TF Transform's part of the signature, {call!r}, returns {len(returned)} tensors, "
            f"and the SavedModel has no names for {len(unnamed)} of them, because it has neither "
            f"the layer of TF Transform nor a signature that returns its features. {_REMEDY}"
        )
    ways = [
        _crossing(name, feature.spec, [returned[position] for position in feature.positions])
        for name, feature in sorted(features.items())
        if not used.isdisjoint(returned[position] for position in feature.positions)
    ]
    return ways, f"TF Transform hands its features over in {call!r}"


def calls_transform(graph: FlatGraph) -> bool:
    """Whether a signature calls a layer of TF Transform."""
    return any(_LAYER.search(call) for call in _calls(graph))


def _call(graph: FlatGraph, transform: ConcreteFunction | None) -> tuple[str, list[str]]:
    """The call of the transform graph, and the tensors that it returned."""
    content = _content(inline(transform)) if transform else None
    used = {
        call: tensors
        for call, tensors in _calls(graph).items()
        if (_content(graph, call) == content if content else _LAYER.search(call))
        and graph.ancestors(graph.fetches, stop=tensors)[1]
    }
    if len(used) != 1:
        where = listed(used) or "nowhere"
        raise SplitError(
            "input_boundary: TRANSFORMED_FEATURES needs a signature that calls "
            f"{'this transform graph' if transform else 'a TransformFeaturesLayer'} once; it is "
            f"called {where}. {_REMEDY}"
        )
    return next(iter(used.items()))


def _calls(graph: FlatGraph) -> dict[str, list[str]]:
    """The tensors that each inlined call returned, in order."""
    found: dict[str, dict[int, str]] = {}
    for name in graph.nodes:
        if match := _RETURNED.fullmatch(name):
            found.setdefault(match["call"], {})[int(match["number"])] = name
    return {call: [name for _, name in sorted(tensors.items())] for call, tensors in found.items()}


def _content(graph: FlatGraph, call: str = "") -> set[tuple[str, str]]:
    """The ops of an inlined call, which identify the same call elsewhere."""
    prefix = f"{call}/" if call else ""
    return {
        (name.removeprefix(prefix), node.op)
        for name, node in graph.nodes.items()
        if name.startswith(prefix) and not name.startswith("Func/") and node.op not in _NOT_COMPARED
    }


def _in_order(transform: ConcreteFunction) -> dict[str, _Feature]:
    """The features of a transform graph, which returns them in the order of their names."""
    position = 0
    features = {}
    for name, spec in sorted(transform.structured_outputs.items()):
        count = len(tf.nest.flatten(spec, expand_composites=True))
        features[name] = _Feature(spec, range(position, position + count))
        position += count
    return features


def _by_name(signature: ConcreteFunction, content: set[tuple[str, str]]) -> dict[str, _Feature]:
    """The features that functions of the SavedModel return by name from the same call."""
    found = []
    for function in _functions(signature):
        graph = inline(function)
        for call, returned in _calls(graph).items():
            if _content(graph, call) == content:
                found.append(_taken(function, graph, returned))
    features: dict[str, _Feature] = {}
    named: set[int] = set()
    # a model that returns a feature may use another name; it returns fewer features
    for taken in sorted(found, key=len, reverse=True):
        new = {name: one for name, one in taken.items() if named.isdisjoint(one.positions)}
        features |= new
        named.update(position for one in new.values() for position in one.positions)
    return features


def _functions(signature: ConcreteFunction) -> Iterator[ConcreteFunction]:
    """The other functions of the SavedModel that return tensors by name."""
    restored = [
        function
        for node in tf.train.TrackableView(signature.loaded).descendants()
        for function in getattr(node, "concrete_functions", ())
    ]
    for function in [*restored, *signature.loaded.signatures.values()]:
        if function is not signature and isinstance(function.structured_outputs, Mapping):
            yield function


def _taken(
    function: ConcreteFunction, graph: FlatGraph, returned: Sequence[str]
) -> dict[str, _Feature]:
    tensors = iter(graph.outputs.values())
    features = {}
    for name, spec in sorted(function.structured_outputs.items()):
        parts = tf.nest.flatten(spec, expand_composites=True)
        origins = [graph.origin(next(tensors), stop=returned) for _ in parts]
        if set(origins) <= set(returned):
            features[name] = _Feature(spec, [returned.index(origin) for origin in origins])
    return features


def _crossing(name: str, spec: tf.TypeSpec, tensors: Sequence[str]) -> Crossing:
    if isinstance(spec, tf.SparseTensorSpec):
        return sparse(name, *tensors)
    if isinstance(spec, tf.RaggedTensorSpec):
        return ragged(name, spec.row_splits_dtype, *tensors)
    return whole(name, *tensors, spec=spec)
