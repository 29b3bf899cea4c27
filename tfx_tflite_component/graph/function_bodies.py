"""The functions that control flow calls, as separate graphs."""

import dataclasses
from collections.abc import Mapping

from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.op_def_pb2 import OpDef

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.nodes import rewired
from tfx_tflite_component.tensorflow_internals import op_definition


def body_graph(graph: FlatGraph, name: str) -> FlatGraph:
    """A function of a graph's library as a graph, whose inputs and outputs keep their order.

    A function names tensors `node:output:index`, as in its `FunctionDef`; a graph names them
    `node:index`.

    Args:
        graph: The graph whose control flow calls the function.
        name: The name of the function.
    """
    (body,) = (one for one in graph.library.function if one.signature.name == name)
    nodes = {argument.name: _argument(argument) for argument in body.signature.input_arg}
    of_body = {node.name: node for node in body.node_def}
    for node in body.node_def:
        nodes[node.name] = rewired(node, [_flat(tensor, of_body) for tensor in node.input])
    arguments = [argument.name for argument in body.signature.input_arg]
    outputs = [argument.name for argument in body.signature.output_arg]
    return dataclasses.replace(
        graph,
        nodes=nodes,
        inputs={argument: argument for argument in arguments},
        specs={},
        outputs={output: _returned(body, output, of_body) for output in outputs},
        captures={},
        variables=(),
    )


def _argument(argument: OpDef.ArgDef) -> NodeDef:
    node = NodeDef(name=argument.name, op="Placeholder")
    node.attr["dtype"].type = argument.type
    node.attr["shape"].shape.unknown_rank = True
    return node


def _returned(body: FunctionDef, output: str, nodes: Mapping[str, NodeDef]) -> str:
    return _flat(body.ret[output], nodes)


def _flat(tensor: str, nodes: Mapping[str, NodeDef]) -> str:
    """A tensor's name in the form of graphs."""
    name, _, output = tensor.partition(":")
    if not output:
        return tensor
    argument, _, index = output.partition(":")
    position = int(index) + _first_index(nodes[name], argument)
    return f"{name}:{position}" if position else name


def _first_index(node: NodeDef, argument: str) -> int:
    """The position of the first tensor of one of an op's outputs, which may be lists."""
    position = 0
    for output in op_definition(node.op).output_arg:
        if output.name == argument:
            return position
        if output.number_attr:
            position += node.attr[output.number_attr].i
        elif output.type_list_attr:
            position += len(node.attr[output.type_list_attr].list.type)
        else:
            position += 1
    raise AssertionError(f"{node.op} has no output {argument}")
