"""Narrows the int64 inputs and outputs of a tail to int32.

1. The head casts at its end, and the graph of the tail casts back behind its inputs: lowerings can
   drop that cast where it makes no difference.
2. A variable-length feature is cast back before it is unpacked, because the row indices that are
   computed from its lengths are int64.
3. An output is cast last.
4. Nothing is checked here. `Narrowing` has the ranges that the graph proves; the head of a
   published model refuses values that do not fit.
"""

import dataclasses
from collections.abc import Collection, Mapping

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.integer_ranges import (
    INT32,
    IntegerRange,
    computed_range,
    read_range,
)
from tfx_tflite_component.split.crossings import Crossing, Tensors
from tfx_tflite_component.split.head import Head, with_outputs
from tfx_tflite_component.split.narrowing import Narrowing
from tfx_tflite_component.split.split import Cut, Split

_SCOPE = "int32"
_LENGTHS = IntegerRange(0, INT32.max)


def narrowed(cut: Cut) -> Cut:
    """A cut whose tail takes and returns int32 instead of int64.

    Args:
        cut: The cut.
    """
    inputs = {name for name, spec in cut.specs.items() if spec.dtype == tf.int64}
    outputs = [
        name
        for name, tensor in cut.graph.outputs.items()
        if cut.graph.static_tensors[cut.graph.origin(tensor)].dtype == tf.int64
    ]
    ways = [way for way in cut.ways if inputs.intersection(way.inputs)]
    whole = {tensor for way in ways if _is_whole(way) for tensor in way.tensors}
    return dataclasses.replace(
        cut,
        head=cut.head and with_outputs(cut.head, lambda name, x: _cast(x) if name in inputs else x),
        graph=_with_casts(cut.graph, whole, outputs),
        ways=[_narrowed(way, inputs) if way in ways else way for way in cut.ways],
        specs={
            name: tf.TensorSpec(spec.shape, tf.int32) if name in inputs else spec
            for name, spec in cut.specs.items()
        },
        narrowing=Narrowing(
            inputs={
                name: _input_range(cut, way, name)
                for way in ways
                for name in way.inputs
                if name in inputs
            },
            outputs={name: computed_range(cut.whole, cut.whole.outputs[name]) for name in outputs},
            head=cut.head,
        ),
    )


def guarded(split: Split) -> Head | None:
    """The head of a split, which refuses values that the tail's int32 inputs cannot hold.

    Args:
        split: The split.
    """
    narrowing = split.narrowing

    def narrow(name: str, tensor: tf.Tensor) -> tf.Tensor:
        if name not in narrowing.inputs:
            return tensor
        if narrowing.inputs[name] in INT32:
            return _cast(tensor)
        fits = (tensor >= INT32.min) & (tensor <= INT32.max)
        message = f"input {name} of the TFLite model is int32, which cannot hold a value"
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(fits), [message])]):
            return _cast(tensor)

    if narrowing.head is None or not narrowing.inputs:
        return split.head
    return with_outputs(narrowing.head, narrow)


def _is_whole(way: Crossing) -> bool:
    """Whether a feature crosses as one tensor, and not as padded values with their lengths."""
    return len(way.inputs) == 1


def _input_range(cut: Cut, way: Crossing, name: str) -> IntegerRange:
    if name not in way.holds:
        return _LENGTHS
    computed = computed_range(cut.whole, way.holds[name])
    if not _is_whole(way):
        return computed
    read = IntegerRange.around(read_range(cut.graph, tensor) for tensor in way.tensors)
    return IntegerRange(max(computed.min, read.min), min(computed.max, read.max))


def _narrowed(way: Crossing, inputs: Collection[str]) -> Crossing:
    if _is_whole(way):
        return dataclasses.replace(way, tensors=tuple(f"{name}/{_SCOPE}" for name in way.tensors))

    def unpack(given: Tensors) -> list[tf.Tensor]:
        return way.unpack(
            {name: tf.cast(x, tf.int64) if name in inputs else x for name, x in given.items()}
        )

    return dataclasses.replace(way, unpack=unpack)


def _with_casts(graph: FlatGraph, inputs: Collection[str], outputs: Collection[str]) -> FlatGraph:
    """A graph with casts behind some placeholders, and before some outputs."""
    nodes = dict(graph.nodes)
    for name in sorted(inputs):
        placeholder = NodeDef()
        placeholder.CopyFrom(nodes[name])
        placeholder.name = f"{name}/{_SCOPE}"
        placeholder.attr["dtype"].type = tf.int32.as_datatype_enum
        nodes |= {placeholder.name: placeholder}
        nodes[name] = _cast_node(name, placeholder.name, tf.int32, tf.int64)
    results: Mapping[str, str] = {name: f"{_SCOPE}/{index}" for index, name in enumerate(outputs)}
    for name, result in results.items():
        nodes[result] = _cast_node(result, graph.outputs[name], tf.int64, tf.int32)
    return dataclasses.replace(graph, nodes=nodes, outputs={**graph.outputs, **results})


def _cast_node(name: str, tensor: str, source: tf.DType, result: tf.DType) -> NodeDef:
    node = NodeDef(name=name, op="Cast", input=[tensor])
    node.attr["SrcT"].type = source.as_datatype_enum
    node.attr["DstT"].type = result.as_datatype_enum
    return node


def _cast(tensor: tf.Tensor) -> tf.Tensor:
    return tf.cast(tensor, tf.int32)
