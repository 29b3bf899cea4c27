"""Splits a signature into a head and a tail: `tail(head(examples)) == signature(examples)`."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.errors import SplitError, listed
from tfx_tflite_component.graph.conditions import shape_conditions
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph, flatten
from tfx_tflite_component.graph.tables import rank_lookups
from tfx_tflite_component.graph.tensor_lists import with_batch_size
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.computed_inputs import ComputedInput
from tfx_tflite_component.split.crossings import Crossing
from tfx_tflite_component.split.cut import cut
from tfx_tflite_component.split.head import Head, make_head
from tfx_tflite_component.split.head_ops import computed_inputs
from tfx_tflite_component.split.named_tensors import named_tensors
from tfx_tflite_component.split.narrowing import NOTHING_NARROWED, Narrowing
from tfx_tflite_component.split.parse_ops import ParsedFeature, parses
from tfx_tflite_component.split.per_feature import per_feature
from tfx_tflite_component.split.signature_inputs import (
    Source,
    source_of_examples,
    source_of_tensors,
)
from tfx_tflite_component.split.sizes import (
    Shapes,
    batched_inputs,
    check_shapes,
    fixed_batch,
    with_shapes,
)
from tfx_tflite_component.split.tail import Tail, make_tail
from tfx_tflite_component.split.tf_transform import calls_transform, transformed_features

_BEHIND = "each feature is split off behind the last of its ops that have no builtin form"
# ops that TFLite leaves out
_CHECKS = ("Assert", "CheckNumerics")


@dataclasses.dataclass(frozen=True)
class Split:
    """A signature, split into two parts.

    Attributes:
        boundary: Where the signature was split.
        reason: Why it was split there, as text for the report.
        head: Computes the tail's inputs from serialized `tf.Example`s. None if the signature takes
            a tensor that no `tf.Example` can hold.
        tail: Computes the signature's outputs from the tail's inputs.
        computed: The tail's inputs that the head computes from features, rather than parses.
        features: All features of a `tf.Example` for the head; empty at SIGNATURE, and if the parsed
            features cannot be determined.
        checks: The names of the assertions in the signature, which the tail leaves out.
        lowered: The ops of the tail that each lowering rewrote.
        signature: The signature. It owns the functions of the head's loops, so it must stay alive.
        batched: The inputs of the tail whose first dimension is the batch. Without any, each
            example is a call of its own.
        narrowing: The inputs and outputs that are int32 here and int64 in the signature.
    """

    boundary: Boundary
    reason: str
    head: Head | None
    tail: Tail
    computed: Mapping[str, ComputedInput]
    features: tuple[ParsedFeature, ...]
    checks: tuple[str, ...]
    lowered: Mapping[str, list[str]]
    signature: ConcreteFunction
    batched: frozenset[str]
    narrowing: Narrowing = NOTHING_NARROWED

    @property
    def batch_size(self) -> int:
        """The number of examples in each call of the tail; 0 for any number."""
        sizes = {self.tail.specs[name].shape[0] for name in self.batched}
        return next(iter(sizes)) or 0 if sizes else 1


def boundaries(signature: ConcreteFunction, transform: ConcreteFunction | None) -> list[Boundary]:
    """The boundaries at which a signature may be split, from the first choice to the last.

    Args:
        signature: The signature, as `load_signature` gives it.
        transform: The graph of TF Transform, if it is given.
    """
    graph = flatten(signature)
    natural = _natural(graph)
    # a signature that parses tf.Examples may have a transform under an unknown name
    may_transform = (
        natural is Boundary.RAW_FEATURES or transform is not None or calls_transform(graph)
    )
    last = [Boundary.TRANSFORMED_FEATURES] if may_transform else []
    return [natural, Boundary.PER_FEATURE, *last]


def _natural(graph: FlatGraph) -> Boundary:
    return Boundary.RAW_FEATURES if parses(graph) else Boundary.SIGNATURE


@dataclasses.dataclass(frozen=True)
class Cut:
    """A signature that was cut; its tail is still a graph that can be rewritten.

    Attributes:
        boundary: As in `Split`.
        reason: As in `Split`.
        head: As in `Split`.
        graph: The graph of the tail.
        ways: The crossings into that graph.
        specs: Shape and dtype of each input of the tail.
        computed: As in `Split`.
        features: As in `Split`.
        checks: As in `Split`.
        signature: As in `Split`.
        batched: As in `Split`.
        whole: The graph of the signature.
        narrowing: As in `Split`.
    """

    boundary: Boundary
    reason: str
    head: Head | None
    graph: FlatGraph
    ways: Sequence[Crossing]
    specs: Mapping[str, tf.TensorSpec]
    computed: Mapping[str, ComputedInput]
    features: tuple[ParsedFeature, ...]
    checks: tuple[str, ...]
    signature: ConcreteFunction
    batched: frozenset[str]
    whole: FlatGraph
    narrowing: Narrowing = NOTHING_NARROWED

    def with_tail(self, graph: FlatGraph, lowered: Mapping[str, list[str]]) -> Split:
        """Makes the tail.

        Args:
            graph: The graph of the tail, rewritten or as it is.
            lowered: The ops that each lowering rewrote in it.

        Raises:
            SplitError: As `make_tail` does.
        """
        return Split(
            boundary=self.boundary,
            reason=self.reason,
            head=self.head,
            tail=make_tail(shape_conditions(graph), self.ways, self.specs),
            computed=self.computed,
            features=self.features,
            checks=self.checks,
            lowered=lowered,
            signature=self.signature,
            batched=self.batched,
            narrowing=self.narrowing,
        )


def split(
    signature: ConcreteFunction,
    boundary: Boundary | None = None,
    batch_size: int = 0,
    tensors: Mapping[str, str] | None = None,
    transform: ConcreteFunction | None = None,
    refused: Collection[str] = (),
    shapes: Shapes | None = None,
) -> Split:
    """Splits a signature, every op of which stays as it is: `cut_signature` says how."""
    cut_there = cut_signature(signature, boundary, batch_size, tensors, transform, refused, shapes)
    return cut_there.with_tail(cut_there.graph, {})


def cut_signature(
    signature: ConcreteFunction,
    boundary: Boundary | None = None,
    batch_size: int = 0,
    tensors: Mapping[str, str] | None = None,
    transform: ConcreteFunction | None = None,
    refused: Collection[str] = (),
    shapes: Shapes | None = None,
) -> Cut:
    """Cuts a signature into a head and the graph of a tail.

    Args:
        signature: The signature, as `load_signature` gives it.
        boundary: Where to split; None is the first possible boundary, SIGNATURE or RAW_FEATURES.
        batch_size: The batch size of the tail; 0 leaves it dynamic.
        tensors: For TENSORS: the tensor of the graph that each input of the tail is.
        transform: For PER_FEATURE and TRANSFORMED_FEATURES: the graph of TF Transform, if it is
            given.
        refused: For PER_FEATURE: the nodes of the signature's inlined graph that have no builtin
            form.
        shapes: The shapes of inputs of the tail; -1 leaves a size open.

    Raises:
        SplitError: The signature cannot be split there; the message names the feature or the op.
        ConfigError: The signature contradicts the batch size or a shape, or there is no such tensor
            or input.
    """
    graph = flatten(signature)
    boundary = boundary or _natural(graph)
    handed, reason = _handed_over(graph, signature, boundary, tensors, transform, refused)
    shapes = shapes or {}
    source = _source(graph, boundary, handed, batch_size, shapes)
    ways = [*handed, *source.ways]
    _check_names(handed, source.ways)
    head = make_head(graph, source.feed, source.batch, ways) if source.feed else None
    made = _specs(ways, head)
    check_shapes(made, shapes)
    batched = batched_inputs(made, batch_size)
    specs = fixed_batch(with_shapes(made, shapes), batched, batch_size)
    rest, between = cut(graph, ways, specs)
    rest = rank_lookups(rest)
    return Cut(
        boundary=boundary,
        reason=reason or source.reason,
        head=head,
        graph=with_batch_size(rest, batch_size) if batch_size else rest,
        ways=between,
        specs=specs,
        computed=computed_inputs(graph, handed),
        features=source.features,
        checks=_checks(graph),
        signature=signature,
        batched=batched,
        whole=graph,
    )


def _handed_over(
    graph: FlatGraph,
    signature: ConcreteFunction,
    boundary: Boundary,
    tensors: Mapping[str, str] | None,
    transform: ConcreteFunction | None,
    refused: Collection[str],
) -> tuple[list[Crossing], str]:
    """The crossings that are later in the graph than the inputs or parse ops, and the reason."""
    if boundary is Boundary.TENSORS:
        return named_tensors(graph, tensors or {}), "the configuration names its tensors"
    if boundary is Boundary.PER_FEATURE:
        return per_feature(graph, signature, transform, refused), _BEHIND
    if boundary is Boundary.TRANSFORMED_FEATURES:
        return transformed_features(graph, signature, transform)
    # a signature that parses stays whole only if the config asks for it
    is_pinned = boundary is Boundary.SIGNATURE and parses(graph)
    return [], "the configuration says so" if is_pinned else ""


def _source(
    graph: FlatGraph,
    boundary: Boundary,
    handed: Sequence[Crossing],
    batch_size: int,
    shapes: Shapes,
) -> Source:
    tensors = {tensor for way in handed for tensor in way.tensors}
    if boundary is not Boundary.SIGNATURE and parses(graph):
        return source_of_examples(graph, tensors)
    if boundary is Boundary.RAW_FEATURES:
        raise SplitError(
            "input_boundary: RAW_FEATURES needs a signature that parses tf.Examples, but none of "
            f"the outputs {listed(graph.outputs)} depends on a ParseExample op. The inputs are "
            f"{listed(graph.inputs)}. Leave input_boundary at AUTO to convert it as it is."
        )
    batched = batched_inputs(graph.specs, batch_size)
    return source_of_tensors(graph, tensors, with_shapes(graph.specs, shapes), batched)


def _check_names(handed: Sequence[Crossing], others: Sequence[Crossing]) -> None:
    names = {name for way in handed for name in way.inputs}
    taken = sorted(names.intersection(name for way in others for name in way.inputs))
    if taken:
        raise SplitError(
            f"The model would have two inputs named {listed(taken)}: a feature as it is parsed and "
            "one as it is handed over further on are both used after the boundary. Give them "
            "different names."
        )


def _specs(ways: Sequence[Crossing], head: Head | None) -> dict[str, tf.TensorSpec]:
    """The shape and dtype of the tail's inputs, from the head and from the crossings."""
    owners = {name: way for way in ways for name in way.inputs}
    specs = {}
    for name, way in sorted(owners.items()):
        made = head.function.structured_outputs[name] if head else way.spec
        if made is None:
            raise SplitError(
                f"A tf.Example cannot hold the inputs of the signature, so {name!r} cannot be "
                "computed from examples. Export a signature that parses tf.Examples, or set "
                "input_boundary: SIGNATURE."
            )
        shape = made.shape.merge_with(way.spec.shape) if way.spec else made.shape
        specs[name] = tf.TensorSpec(shape, made.dtype)
    return specs


def _checks(graph: FlatGraph) -> tuple[str, ...]:
    # tf.debugging.assert_* puts its op into a branch of a condition
    return tuple(
        name
        for name, node in graph.nodes.items()
        if any(part.op in _CHECKS for part in (node, *graph.inner_nodes(node)))
    )
