"""Splits a signature into a head and a tail: `tail(head(examples)) == signature(examples)`."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf

from tfx_tflite_component.errors import ConfigError, SplitError, listed
from tfx_tflite_component.split.crossings import crossings, whole
from tfx_tflite_component.split.graph import ConcreteFunction, FlatGraph, NodeDef, flatten
from tfx_tflite_component.split.heads import matching_head, parsing_head
from tfx_tflite_component.split.lists import with_batch_size
from tfx_tflite_component.split.parsing import ParsedFeature, find_parse_ops, parsed_features
from tfx_tflite_component.split.tails import Tail, make_tail

Lower: TypeAlias = Callable[[FlatGraph], tuple[FlatGraph, Mapping[str, list[str]]]]

SIGNATURE = "SIGNATURE"
RAW_FEATURES = "RAW_FEATURES"


@dataclasses.dataclass(frozen=True)
class Split:
    """A signature in two parts.

    Attributes:
        boundary: Where the signature was split: SIGNATURE or RAW_FEATURES.
        reason: Why there, in words for the report.
        head: Serialized `tf.Example`s, a string tensor [batch], into the tail's inputs by name.
            None if the signature takes a tensor that no `tf.Example` can hold.
        tail: The tail's inputs into the signature's outputs.
        features: Every feature that the signature parses; empty at SIGNATURE.
        checks: The names of the assertions in the signature, which the tail leaves out.
        lowered: The ops of the signature that each lowering rewrote.
    """

    boundary: str
    reason: str
    head: ConcreteFunction | None
    tail: Tail
    features: tuple[ParsedFeature, ...]
    checks: tuple[str, ...]
    lowered: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)


def split(
    signature: ConcreteFunction,
    boundary: str | None = None,
    batch_size: int = 0,
    lower: Lower = lambda graph: (graph, {}),
) -> Split:
    """Splits a signature.

    Args:
        signature: The signature, as `tf.saved_model.load` restores it.
        boundary: SIGNATURE, RAW_FEATURES, or None to choose by what the signature does.
        batch_size: The batch size of the tail; 0 leaves it dynamic.
        lower: What rewrites ops of the graph, and says which.

    Raises:
        SplitError: The signature cannot be split there; the message names the feature or the op.
        ConfigError: The signature's own batch size contradicts the one asked for.
    """
    graph, lowered = lower(flatten(signature))
    if batch_size:
        graph = with_batch_size(graph, batch_size)
    parts = _split(graph, boundary, batch_size)
    return dataclasses.replace(parts, lowered=lowered)


def _split(graph: FlatGraph, boundary: str | None, batch_size: int) -> Split:
    parse_ops = [] if boundary == SIGNATURE else find_parse_ops(graph)
    if parse_ops:
        return _split_at_parse_ops(graph, parse_ops, batch_size)
    if boundary == RAW_FEATURES:
        raise SplitError(
            "input_boundary: RAW_FEATURES needs a signature that parses tf.Examples, but none of "
            f"the outputs {listed(graph.outputs)} depends on a ParseExample op. The inputs are "
            f"{listed(graph.inputs)}. Leave input_boundary at AUTO to convert it as it is."
        )
    reason = "the signature takes tensors" if boundary is None else "the configuration says so"
    return _split_at_signature(graph, reason, batch_size)


def _split_at_signature(graph: FlatGraph, reason: str, batch_size: int) -> Split:
    specs = _with_batch_size(graph.specs, batch_size)
    ways = [whole(name, graph.inputs[name]) for name in specs]
    return Split(
        boundary=SIGNATURE,
        reason=reason,
        head=matching_head(graph.specs),
        tail=make_tail(graph, ways, specs),
        features=(),
        checks=_checks(graph),
    )


def _split_at_parse_ops(graph: FlatGraph, parse_ops: Sequence[NodeDef], batch_size: int) -> Split:
    features = tuple(feature for node in parse_ops for feature in parsed_features(graph, node))
    ways = crossings(graph, features)
    if not ways:
        raise SplitError(
            f"None of the outputs {listed(graph.outputs)} depends on a parsed feature "
            f"({listed(feature.name for feature in features)}): there is nothing to infer from."
        )
    serialized, spec = _serialized(graph, parse_ops)
    head = parsing_head(graph, serialized, spec, ways)
    specs = _with_batch_size(head.structured_outputs, batch_size)
    return Split(
        boundary=RAW_FEATURES,
        reason=f"the signature parses tf.Examples in {listed(node.name for node in parse_ops)}",
        head=head,
        tail=make_tail(graph, ways, specs, serialized),
        features=features,
        checks=_checks(graph),
    )


def _serialized(graph: FlatGraph, parse_ops: Sequence[NodeDef]) -> tuple[str, tf.TensorSpec]:
    """The one input of the signature that the parse ops parse."""
    if len(graph.inputs) > 1:
        raise SplitError(
            f"The signature takes {listed(graph.inputs)}, but a signature that parses tf.Examples "
            "can be split only if they are all that it takes. Put the other inputs into the "
            "tf.Examples as features, or export a signature without them."
        )
    ((name, serialized),) = graph.inputs.items()
    for node in parse_ops:
        source = graph.origin(node.input[0])
        if source != serialized:
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
    return serialized, graph.specs[name]


def _with_batch_size(
    specs: Mapping[str, tf.TensorSpec], batch_size: int
) -> dict[str, tf.TensorSpec]:
    """The specs with their batch dimension fixed; specs of other sizes are refused."""
    sized = {}
    for name, spec in specs.items():
        shape = spec.shape
        if shape.rank is None:
            raise SplitError(
                f"Input {name!r} has no known rank, and TFLite needs one. Give the serving "
                "function an input_signature with the shape."
            )
        if batch_size and shape.rank:
            if shape[0] not in (None, batch_size):
                raise ConfigError(
                    f"batch_size: {batch_size} contradicts the signature, whose input {name!r} has "
                    f"shape {tuple(shape)}. Leave batch_size out, or set it to {shape[0]}."
                )
            shape = [batch_size, *shape[1:]]
        sized[name] = tf.TensorSpec(shape, spec.dtype)
    return sized


def _checks(graph: FlatGraph) -> tuple[str, ...]:
    # tf.debugging.assert_* puts its op into the branch of a condition
    return tuple(
        name
        for name, node in graph.nodes.items()
        if any(part.op == "Assert" for part in (node, *graph.inner_nodes(node)))
    )
