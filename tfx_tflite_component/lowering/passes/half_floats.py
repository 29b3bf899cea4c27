"""Computes in 32-bit floats what a graph computes in 16-bit floats.

Few builtin ops support float16 and bfloat16, which Keras' policies `mixed_float16`, `float16` and
`mixed_bfloat16` compute in.

1. Every op of 16-bit floats becomes the same op of float32. Its constants are the same numbers,
   because float32 holds every 16-bit float.
2. Inputs and variables keep their dtypes. `Cast` converts what is read from them, which is exact,
   and what is written to variables and outputs, which is rounded once.
3. Results differ from the SavedModel's by its rounding, and where it overflows.
4. A graph is not changed if an op reads the bits of 16-bit floats, or has no form for float32, or
   if a loop or condition does more with variables of 16-bit floats than to read them.
"""

import dataclasses
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.function_pb2 import FunctionDef, FunctionDefLibrary
from tensorflow.core.framework.types_pb2 import DT_BFLOAT16, DT_FLOAT, DT_HALF, DT_RESOURCE

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.nodes import rewired
from tfx_tflite_component.lowering.lowering_pass import Pass
from tfx_tflite_component.tensorflow_internals import op_definition

_HALVES = (DT_HALF, DT_BFLOAT16)
_OF_BITS = ("Bitcast", "DecodePaddedRaw", "DecodeRaw")
_READ = "ReadVariableOp"
_SUFFIX = "_in_float32"


def _run(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    bodies = [node for body in graph.library.function for node in body.node_def]
    of_halves = [node for node in [*graph.nodes.values(), *bodies] if _has_halves(node)]
    changed = sorted(
        node.name
        for node in graph.nodes.values()
        if any(map(_changes, (node, *graph.inner_nodes(node))))
    )
    if (
        not changed
        or not all(map(_can_change, of_halves))
        or any(_stays_half(node) and node.op != _READ for node in bodies)
    ):
        return graph, []
    casts: dict[str, NodeDef] = {}

    def read(tensor: str, by_half: bool) -> str:
        """The tensor that an op reads instead, which is a cast where only one side changes."""
        if tensor.startswith("^"):
            return tensor
        dtype = graph.static_tensors[tensor.removesuffix(":0")].dtype
        of_half = not _changes(graph.node(tensor))
        if dtype.as_datatype_enum not in _HALVES or of_half == by_half:
            return tensor
        cast = _cast(tensor, dtype, tf.float32) if of_half else _cast(tensor, tf.float32, dtype)
        return casts.setdefault(cast.name, cast).name

    nodes = {}
    for name, node in graph.nodes.items():
        inputs = [read(tensor, _stays_half(node)) for tensor in node.input]
        nodes[name] = _in_float32(rewired(node, inputs), is_kept=_stays_half(node))
    outputs = {name: read(tensor, True) for name, tensor in graph.outputs.items()}
    library = FunctionDefLibrary(function=map(_body_in_float32, graph.library.function))
    changed_graph = dataclasses.replace(
        graph, nodes={**nodes, **casts}, outputs=outputs, library=library
    )
    return changed_graph, changed


def _changes(node: NodeDef) -> bool:
    return _has_halves(node) and not _keeps(node)


def _stays_half(node: NodeDef) -> bool:
    return _has_halves(node) and _keeps(node)


def _has_halves(node: NodeDef) -> bool:
    return any(dtype in _HALVES for value in node.attr.values() for dtype in _dtypes(value))


def _dtypes(value: AttrValue) -> Iterator[int]:
    if value.HasField("type"):
        yield value.type
    yield from value.list.type


def _keeps(node: NodeDef) -> bool:
    """Whether an op is an input, or reads or writes a variable or table."""
    definition = op_definition(node.op)
    arguments = [*definition.input_arg, *definition.output_arg]
    is_resource = any(x.type == DT_RESOURCE or x.is_ref for x in arguments)
    return node.op == "Placeholder" or is_resource


def _can_change(node: NodeDef) -> bool:
    return _keeps(node) or (node.op not in _OF_BITS and _has_float32(node))


def _has_float32(node: NodeDef) -> bool:
    """Whether each dtype of an op that is a 16-bit float may be float32."""
    return all(
        not attribute.HasField("allowed_values")
        or DT_FLOAT in attribute.allowed_values.list.type
        or not any(dtype in _HALVES for dtype in _dtypes(node.attr[attribute.name]))
        for attribute in op_definition(node.op).attr
    )


def _cast(tensor: str, source: tf.DType, target: tf.DType) -> NodeDef:
    name = f"{tensor.replace(':', '_')}/{source.name}_as_{target.name}"
    node = NodeDef(name=name, op="Cast", input=[tensor])
    node.attr["SrcT"].type = source.as_datatype_enum
    node.attr["DstT"].type = target.as_datatype_enum
    return node


def _in_float32(node: NodeDef, is_kept: bool) -> NodeDef:
    """Changes the attributes of a copy of a node."""
    for value in node.attr.values():
        for function in [value.func, *value.list.func]:
            if function.name:
                function.name += _SUFFIX
        if is_kept:
            continue
        if value.type in _HALVES:
            value.type = DT_FLOAT
        if value.tensor.dtype in _HALVES:
            numbers = tf.make_ndarray(value.tensor).astype("float32")
            value.tensor.CopyFrom(tf.make_tensor_proto(numbers))
        for index, dtype in enumerate(value.list.type):
            if dtype in _HALVES:
                value.list.type[index] = DT_FLOAT
    return node


def _body_in_float32(body: FunctionDef) -> FunctionDef:
    # TensorFlow keeps only one function per name in a process
    copy = FunctionDef()
    copy.CopyFrom(body)
    copy.signature.name += _SUFFIX
    for argument in [*copy.signature.input_arg, *copy.signature.output_arg]:
        if argument.type in _HALVES:
            argument.type = DT_FLOAT
    del copy.node_def[:]
    for node in body.node_def:
        copy.node_def.extend(_in_body(node))
    read = {f"{node.name}:value:0" for node in body.node_def if _stays_half(node)}
    for node in copy.node_def:
        node.input[:] = [_of_cast(x) if x in read else x for x in node.input]
    for name, tensor in copy.ret.items():
        copy.ret[name] = _of_cast(tensor) if tensor in read else tensor
    return copy


def _in_body(node: NodeDef) -> Iterator[NodeDef]:
    """What a node of a function becomes; a cast has the name of what reads a variable."""
    if not _stays_half(node):
        yield _in_float32(rewired(node, node.input), is_kept=False)
        return
    read = rewired(node, node.input, f"{node.name}/read")
    yield read
    dtype = tf.dtypes.as_dtype(node.attr["dtype"].type)
    yield rewired(_cast("", dtype, tf.float32), [f"{read.name}:value:0"], node.name)


def _of_cast(tensor: str) -> str:
    return tensor.replace(":value:0", ":y:0")


PASS = Pass("half_floats", _run)
