"""Builds heads: functions that compute a tail's inputs from serialized `tf.Example`s."""

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf

from tfx_tflite_component.errors import SplitError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph
from tfx_tflite_component.graph.resources import resources_of
from tfx_tflite_component.split.crossings import Crossing
from tfx_tflite_component.split.parse_ops import Layout, ParsedFeature

Feed: TypeAlias = Callable[[tf.Tensor], dict[str, tf.Tensor]]


@dataclasses.dataclass(frozen=True)
class Head:
    """The head of a signature.

    Attributes:
        function: Maps serialized `tf.Example`s, a string tensor [batch], to the tail's inputs by
            name.
        given: Maps the same to the signature's inputs, in Python.
        resources: The variables and tables that the function reads.
    """

    function: ConcreteFunction
    given: Feed
    resources: tf.Module

    @functools.cached_property
    def feed(self) -> ConcreteFunction:
        """Maps the same to the signature's inputs."""
        return _of_examples(self.given, self.function.inputs[0].shape)


def make_head(
    graph: FlatGraph, feed: Feed, batch: tf.TensorShape, ways: Sequence[Crossing]
) -> Head:
    """Builds the head of a signature from its ops before the crossings.

    Args:
        graph: The signature's graph.
        feed: Computes the signature's inputs from serialized `tf.Example`s.
        batch: The shape of the serialized `tf.Example`s: [None], or [size] if the signature fixes
            it.
        ways: The crossings.

    Raises:
        SplitError: A table that the head reads cannot be rebuilt.
    """
    fetches = [tensor for way in ways for tensor in way.tensors]
    nodes, _ = graph.ancestors(fetches, stop=graph.inputs.values())
    _check_state(graph, nodes)
    resources = resources_of(graph, nodes)

    def head(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        given = {graph.inputs[name]: tensor for name, tensor in feed(examples).items()}
        fetched = iter(graph.import_part(fetches, {**resources.feeds(), **given}))
        inputs: dict[str, tf.Tensor] = {}
        for way in ways:
            inputs.update(way.pack([next(fetched) for _ in way.tensors]))
        return inputs

    return Head(_of_examples(head, batch), feed, resources.as_module())


def with_outputs(head: Head, change: Callable[[str, tf.Tensor], tf.Tensor]) -> Head:
    """A head whose results pass through a function.

    Args:
        head: The head.
        change: Computes an input of the tail from its name and what the head returns for it.
    """

    def changed(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = head.function(examples)
        return {name: change(name, tensor) for name, tensor in inputs.items()}

    batch = head.function.inputs[0].shape
    return dataclasses.replace(head, function=_of_examples(changed, batch))


def _check_state(graph: FlatGraph, nodes: Iterable[str]) -> None:
    changed = graph.changed()
    names = sorted({changed[name] for name in nodes if name in changed})
    if names:
        raise SplitError(
            f"The signature changes {listed(names)}, which the head would read as well: the state "
            "would be in two places. Split at an earlier input_boundary, read the variable only "
            "after the boundary, or export a signature that does not change it."
        )


def matching_feed(specs: Mapping[str, tf.TensorSpec], batched: Collection[str]) -> Feed | None:
    """A feed for a signature that takes tensors: each input is the feature of the same name.

    An input without the batch dimension is the same in all examples of a call.

    Args:
        specs: Shape and dtype of each input.
        batched: The inputs whose first dimension is the batch.

    Returns:
        The feed. None where a `tf.Example` cannot hold the inputs: a scalar, one with more than one
        dimension of unknown size besides the batch, or one of a dtype that is not a number, boolean
        or string.
    """
    features = {name: _feature(spec, name in batched) for name, spec in specs.items()}
    if not all(features.values()):
        return None

    def feed(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, features)
        return {
            name: tf.cast(parsed[name] if name in batched else _common(name, parsed[name]), s.dtype)
            for name, s in specs.items()
        }

    return feed


def _common(name: str, values: tf.Tensor) -> tf.Tensor:
    """What all examples hold of an input that has no batch dimension."""
    message = f"feature {name} differs between examples, and the input has no batch dimension"
    with tf.control_dependencies([tf.debugging.assert_equal(values, values[:1], message)]):
        return tf.identity(values[0])


def matching_features(
    specs: Mapping[str, tf.TensorSpec], batched: Collection[str]
) -> tuple[ParsedFeature, ...]:
    """The features that `matching_feed` reads."""
    return tuple(
        ParsedFeature(name, Layout.DENSE, dtype, tuple(spec.shape[int(name in batched) :]), (), ())
        for name, spec in specs.items()
        if (dtype := _stored(spec.dtype)) is not None
    )


def _of_examples(feed: Feed, batch: tf.TensorShape) -> ConcreteFunction:
    spec = tf.TensorSpec(batch, tf.string, name="examples")
    return tf.function(feed, input_signature=[spec], autograph=False).get_concrete_function()


def _feature(spec: tf.TensorSpec, is_batched: bool) -> object | None:
    dtype = _stored(spec.dtype)
    if not spec.shape.rank or dtype is None:
        return None
    shape = spec.shape[int(is_batched) :]
    if shape.is_fully_defined():
        return tf.io.FixedLenFeature(shape, dtype)
    if shape[1:].is_fully_defined():
        return tf.io.FixedLenSequenceFeature(shape[1:], dtype, allow_missing=True)
    return None


def _stored(dtype: tf.DType) -> tf.DType | None:
    """The dtype in which a `tf.Example` stores values of a dtype; None if it cannot."""
    if dtype == tf.string:
        return tf.string
    if dtype.is_floating:
        return tf.float32
    return tf.int64 if dtype.is_integer or dtype.is_bool else None
