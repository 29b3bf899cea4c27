"""Makes heads: functions of serialized `tf.Example`s that compute what a tail takes."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.split.crossings import Crossing
from tfx_tflite_component.split.graph import ConcreteFunction, FlatGraph

_SERIALIZED = tf.TensorSpec([None], tf.string, name="examples")


def parsing_head(
    graph: FlatGraph, serialized: str, spec: tf.TensorSpec, ways: Sequence[Crossing]
) -> ConcreteFunction:
    """The head of a signature that parses `tf.Example`s: its own ops, up to the crossings.

    Args:
        graph: The signature's graph.
        serialized: The tensor that the graph parses.
        spec: Its shape and dtype.
        ways: What crosses the boundary.

    Returns:
        A function of a string tensor [batch] into the tail's inputs by name.
    """
    fetches = [tensor for way in ways for tensor in way.tensors]
    shape = _SERIALIZED.shape.merge_with(spec.shape)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec(shape, tf.string, _SERIALIZED.name)]
    )
    def head(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        fetched = iter(graph.import_part(fetches, {serialized: examples}))
        inputs: dict[str, tf.Tensor] = {}
        for way in ways:
            inputs.update(way.pack([next(fetched) for _ in way.tensors]))
        return inputs

    return head.get_concrete_function()


def matching_head(specs: Mapping[str, tf.TensorSpec]) -> ConcreteFunction | None:
    """A head for a signature that takes tensors: each input is the feature of the same name.

    Args:
        specs: Shape and dtype of each input.

    Returns:
        A function of a string tensor [batch] into those inputs. None where a `tf.Example` cannot
        hold them: an input without a batch dimension, with more than one dimension of unknown
        size, or of a dtype that is no number, truth value or string.
    """
    features = {name: _feature(spec) for name, spec in specs.items()}
    if not all(features.values()):
        return None

    @tf.function(autograph=False, input_signature=[_SERIALIZED])
    def head(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, features)
        return {name: tf.cast(parsed[name], spec.dtype) for name, spec in specs.items()}

    return head.get_concrete_function()


def _feature(spec: tf.TensorSpec) -> object | None:
    if not spec.shape.rank:
        return None
    if spec.dtype == tf.string:
        dtype = tf.string
    elif spec.dtype.is_floating:
        dtype = tf.float32
    elif spec.dtype.is_integer or spec.dtype.is_bool:
        dtype = tf.int64
    else:
        return None
    shape = spec.shape[1:]
    if shape.is_fully_defined():
        return tf.io.FixedLenFeature(shape, dtype)
    if shape[1:].is_fully_defined():
        return tf.io.FixedLenSequenceFeature(shape[1:], dtype, allow_missing=True)
    return None
