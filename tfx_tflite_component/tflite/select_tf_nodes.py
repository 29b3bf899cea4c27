"""Makes the Select TF ops of a TFLite model the same bytes in every conversion.

A Select TF op carries its TensorFlow node as a serialized NodeDef, whose attributes the converter
writes in random order. Sorted by name, they take the same number of bytes.
"""

from collections.abc import Iterator

from flatbuffers import flexbuffers
from tensorflow.core.framework.node_def_pb2 import NodeDef

from tfx_tflite_component.tflite.inspection import OpSet, kind_and_name
from tfx_tflite_component.tflite.schema import schema


def order_attributes(model: bytearray) -> None:
    """Sorts the attributes of the Select TF ops of a model.

    Args:
        model: The content of a `.tflite` file, changed in place.
    """
    for serialized in node_defs(model):
        start = model.find(serialized)
        model[start : start + len(serialized)] = _ordered(serialized)


def _ordered(serialized: bytes) -> bytes:
    """A serialized node with its attributes sorted by name.

    Deterministic serialization is not enough: implementations of protobuf order in different ways.
    """
    node = NodeDef.FromString(serialized)
    attributes = b"".join(
        NodeDef(attr={name: node.attr[name]}).SerializeToString(deterministic=True)
        for name in sorted(node.attr)
    )
    before = NodeDef(name=node.name, op=node.op, input=node.input, device=node.device)
    start = len(before.SerializeToString())
    node.ClearField("attr")
    if len(attributes) + node.ByteSize() != len(serialized):
        return serialized
    return serialized[:start] + attributes + serialized[start + len(attributes) :]


def node_defs(model: bytes | bytearray) -> list[bytes]:
    """The serialized nodes of the Select TF ops of a model, in order."""
    return [bytes(options[1].AsStringBytes) for options in _options(model)]


def op_names(model: bytes | bytearray) -> list[str]:
    """The ops that TensorFlow runs for the Select TF ops of a model, in order."""
    return [options[0].AsString for options in _options(model)]


def _options(model: bytes | bytearray) -> Iterator[flexbuffers.Vector]:
    """The options of each Select TF op: the op's name, and its node."""
    root = schema.Model.GetRootAs(model, 0)
    for graph in map(root.Subgraphs, range(root.SubgraphsLength())):
        for op in map(graph.Operators, range(graph.OperatorsLength())):
            kind, _ = kind_and_name(root.OperatorCodes(op.OpcodeIndex()))
            if kind == OpSet.SELECT_TF:
                for serialized in _serialized_options(model, op):
                    yield flexbuffers.GetRoot(serialized).AsVector


def _serialized_options(model: bytes | bytearray, op: schema.Operator) -> Iterator[bytes]:
    size, large_size = op.CustomOptionsLength(), op.LargeCustomOptionsSize()
    if size or not large_size:
        yield bytes(map(op.CustomOptions, range(size)))
    if large_size:  # of a model of more than 2 GB, after its FlatBuffer
        start = op.LargeCustomOptionsOffset()
        yield bytes(model[start : start + large_size])
