"""The inputs of a signature, serialized `tf.Example`s or tensors, and their crossings."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.errors import SplitError, listed
from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.split.crossings import Crossing, crossings, whole
from tfx_tflite_component.split.head import Feed, matching_features, matching_feed
from tfx_tflite_component.split.parse_ops import (
    ParsedFeature,
    find_parse_ops,
    parsed_features,
    readable_features,
)


@dataclasses.dataclass(frozen=True)
class Source:
    """The inputs of a signature.

    Attributes:
        reason: A description of the inputs for the report.
        feed: Computes the inputs from serialized `tf.Example`s; None if these cannot hold them.
        batch: The shape of the serialized examples.
        features: The features of these `tf.Example`s; empty if they cannot be determined.
        ways: The crossings of the inputs, without tensors that cross later in the graph.
    """

    reason: str
    feed: Feed | None
    batch: tf.TensorShape
    features: tuple[ParsedFeature, ...]
    ways: Sequence[Crossing]


def source_of_examples(graph: FlatGraph, handed: Collection[str]) -> Source:
    """The source of a signature that parses `tf.Example`s: features cross.

    Args:
        graph: The signature's graph.
        handed: Tensors that cross anyway.

    Raises:
        SplitError: The parsing cannot be split off, or no output depends on it.
    """
    name = _only_input(graph)
    parse_ops = find_parse_ops(graph, stop=handed)
    for node in parse_ops:
        _check_parsed(graph, node, name)
    features = tuple(feature for node in parse_ops for feature in parsed_features(graph, node))
    ways = crossings(graph, features, stop=handed)
    if not ways and not handed:
        raise SplitError(
            f"None of the outputs {listed(graph.outputs)} depends on a parsed feature "
            f"({listed(feature.name for feature in features)}): there is nothing to infer from."
        )
    return Source(
        reason=f"the signature parses tf.Examples in {listed(node.name for node in parse_ops)}",
        feed=lambda examples: {name: examples},
        batch=tf.TensorShape([None]).merge_with(graph.specs[name].shape),
        features=readable_features(graph) if handed else features,
        ways=ways,
    )


def source_of_tensors(
    graph: FlatGraph,
    handed: Collection[str],
    specs: Mapping[str, tf.TensorSpec],
    batched: Collection[str],
) -> Source:
    """The source of a signature that takes tensors: they cross as they are.

    Args:
        graph: The signature's graph.
        handed: Tensors that cross anyway; an input that is used for them alone does not cross.
        specs: Shape and dtype of each input, as the examples are to hold them.
        batched: The inputs whose first dimension is the batch.
    """
    _, used = graph.ancestors(graph.fetches, stop={*graph.inputs.values(), *handed})
    return Source(
        reason="the signature takes tensors",
        feed=matching_feed(specs, batched),
        batch=tf.TensorShape([None]),
        features=matching_features(specs, batched) if handed else (),
        ways=[
            whole(name, graph.inputs[name], spec=spec)
            for name, spec in graph.specs.items()
            if not handed or graph.inputs[name] in used
        ],
    )


def _only_input(graph: FlatGraph) -> str:
    if len(graph.inputs) > 1:
        raise SplitError(
            f"The signature takes {listed(graph.inputs)}, but a signature that parses tf.Examples "
            "can be split only if they are all that it takes. Put the other inputs into the "
            "tf.Examples as features, or export a signature without them."
        )
    (name,) = graph.inputs
    return name


def _check_parsed(graph: FlatGraph, node: NodeDef, name: str) -> None:
    """Refuses parse ops whose input is not the batch that the signature takes."""
    source = graph.origin(node.input[0])
    if source != graph.inputs[name]:
        raise SplitError(
            f"Op {node.name!r} ({node.op}) parses what op {graph.node(source).name!r} "
            f"({graph.node(source).op}) makes of the input, not the input itself. Hand the "
            "signature's input to tf.io.parse_example as it is."
        )
    if graph.specs[name].shape.rank == 0:
        raise SplitError(
            f"Op {node.name!r} ({node.op}) parses a single tf.Example; expected a batch. "
            "Export a signature whose input has shape [None], and parse it with "
            "tf.io.parse_example."
        )
