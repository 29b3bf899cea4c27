"""Compares strings before they are broadcast.

`tft.scale_to_z_score_per_key` and similar functions find the key of an example by comparing it with
each known key, in a branch of a condition. They broadcast strings for that, which TFLite cannot do.

1. Comparing strings and then broadcasting the result is the same as broadcasting first. So the
   strings are compared first, and the result is broadcast.
2. A changed function gets a new name, and so do all others, because they may call it: TensorFlow
   keeps only one function per name in a process.
3. Comparisons outside control flow are not changed, because no known function broadcasts strings
   there.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef, FunctionDefLibrary

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.nodes import rewired
from tfx_tflite_component.lowering.lowering_pass import Pass

_COMPARING = ("Equal", "NotEqual")
_SUFFIX = "_lowered"


def _run(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    library = graph.called(graph.nodes)
    replaced = [name for body in library.function for name in _compare_first(body)]
    return (_with_functions(graph, library) if replaced else graph), sorted(replaced)


def _compare_first(body: FunctionDef) -> list[str]:
    """Changes the comparisons of a function, and returns their names."""
    nodes = {node.name: node for node in body.node_def}
    found = {name: words for name in nodes if (words := _broadcast_words(nodes, name))}
    for name, (first, second) in found.items():
        words = [first.input[0], second.input[0], *nodes[name].input[2:]]
        compared = rewired(nodes[name], words, f"{name}/words")
        body.node_def.append(compared)
        broadcast = rewired(first, [f"{compared.name}:z:0", *first.input[1:]], name)
        nodes[name].CopyFrom(broadcast)
        nodes[name].attr["T"].type = tf.bool.as_datatype_enum
    # the result of a comparison has a different name than the results of other ops
    results = {f"{name}:z:0": f"{name}:output:0" for name in found}
    for node in body.node_def:
        node.input[:] = [results.get(tensor, tensor) for tensor in node.input]
    for output, tensor in body.ret.items():
        body.ret[output] = results.get(tensor, tensor)
    return list(found)


def _broadcast_words(nodes: Mapping[str, NodeDef], name: str) -> Sequence[NodeDef]:
    """The two ops that broadcast the compared strings; empty if there are none."""
    node = nodes[name]
    if node.op not in _COMPARING or node.attr["T"].type != tf.string.as_datatype_enum:
        return []
    words = [nodes.get(tensor.partition(":")[0], node) for tensor in node.input[:2]]
    if any(word.op != "BroadcastTo" for word in words):
        return []
    shape, other_shape = (word.input[1] for word in words)
    return words if shape == other_shape else []


def _with_functions(graph: FlatGraph, library: FunctionDefLibrary) -> FlatGraph:
    """A graph that calls renamed functions."""
    names = [function.signature.name for function in library.function]
    for function in library.function:
        function.signature.name += _SUFFIX
        for node in function.node_def:
            _rename_calls(node, names)
    nodes = {name: rewired(node, node.input) for name, node in graph.nodes.items()}
    for node in nodes.values():
        _rename_calls(node, names)
    return dataclasses.replace(graph, library=library, nodes=nodes)


def _rename_calls(node: NodeDef, names: Sequence[str]) -> None:
    for value in node.attr.values():
        for called in [value.func, *value.list.func] if value.HasField("func") else value.list.func:
            if called.name in names:
                called.name += _SUFFIX


PASS = Pass("comparisons", _run)
