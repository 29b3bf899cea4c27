"""Unrolls loops whose number of steps is known.

Recurrent layers create the ops `While` or `StatelessWhile`. The converter cannot calibrate a loop,
and it needs Select TF ops for a loop that keeps its steps in lists of tensors with an unknown batch
size.

1. A loop variable is constant at each step if it starts as a constant and its next value is
   computed from constants and from such variables. The number of steps is known if the condition is
   computed from such variables.
2. At each step, the ops of the body are copied: an op that reads a variable reads its value at that
   step. What is computed from constants is a constant of the step.
3. A variable that the body returns unchanged stays the input of the loop.
4. Loops that would become more than 20,000 ops, and loops that change variables of the model, are
   not changed.

The lowering `lists` turns the lists that the steps read and write into single tensors.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.function_bodies import body_graph
from tfx_tflite_component.graph.nodes import constant_node, rewired
from tfx_tflite_component.graph.tensor_lists import has_open_elements
from tfx_tflite_component.lowering.lowering_pass import Pass

LOOPS = ("StatelessWhile", "While")
_MAX_OPS = 20_000
_NO_VALUES = (tf.resource, tf.variant)

# the tensors of a body that are constant at one step
Step: TypeAlias = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Loop:
    """A loop.

    Attributes:
        node: Its node.
        start: The tensors of the graph with the initial values of its variables, by the variables'
            names.
        body: The graph of one step.
        results: The tensors of the body that are the next values of the variables.
        constants: The initial values of constant variables.
        copied: The nodes of the body that are not constant at each step.
        read: The constant tensors of the body that these read, and results among them.
    """

    node: NodeDef
    start: Mapping[str, str]
    body: FlatGraph
    results: Mapping[str, str]
    constants: Mapping[str, tf.Tensor]
    copied: Sequence[str]
    read: Sequence[str]


def _run(of_open_lists: bool, graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    unrolled = []
    for node in [node for node in graph.nodes.values() if node.op in LOOPS]:
        is_open = any(has_open_elements(graph, tensor) for tensor in graph.data_inputs(node))
        has_state = any(name.startswith("^") for name in node.input)
        if has_state or (of_open_lists and not is_open):
            continue
        loop = loop_of(graph, node)
        steps = steps_of(graph, loop)
        if steps is not None:
            graph = _unrolled(graph, loop, steps)
            unrolled.append(node.name)
    return graph, sorted(unrolled)


def loop_of(graph: FlatGraph, node: NodeDef) -> Loop:
    """Reads a loop.

    Args:
        graph: The graph.
        node: The node of the loop.
    """
    body = body_graph(graph, node.attr["body"].func.name)
    start = dict(zip(body.inputs, graph.data_inputs(node), strict=True))
    results = dict(zip(body.inputs, map(body.origin, body.outputs.values()), strict=True))
    constants = _constants(graph, body, start, results)
    constant_tensors = {
        tensor
        for tensor, spec in body.static_tensors.items()
        if spec.dtype not in _NO_VALUES
        and body.node(tensor).op != "Const"
        and body.depends_only_on(tensor, constants)
    }
    copied, read = body.ancestors(results.values(), stop={*constant_tensors, *start})
    return Loop(node, start, body, results, constants, copied, sorted(read & constant_tensors))


def _constants(
    graph: FlatGraph, body: FlatGraph, start: Mapping[str, str], results: Mapping[str, str]
) -> dict[str, tf.Tensor]:
    """The initial values of the variables that are constant at each step."""
    found = {
        name: value
        for name, tensor in start.items()
        if graph.static_tensors[tensor].dtype not in _NO_VALUES
        and (value := graph.constant(tensor)) is not None
    }
    size = None
    while size != len(found):
        size = len(found)
        found = {
            name: value
            for name, value in found.items()
            if body.depends_only_on(results[name], set(found))
        }
    return {name: tf.constant(value) for name, value in found.items()}


def steps_of(graph: FlatGraph, loop: Loop) -> list[Step] | None:
    """The constants of each step; None for a loop that is not unrolled."""
    condition = body_graph(graph, loop.node.attr["cond"].func.name)
    (goes_on,) = condition.outputs.values()
    variables = dict(zip(condition.inputs, loop.start, strict=True))
    known = [name for name, variable in variables.items() if variable in loop.constants]
    if not condition.depends_only_on(goes_on, known):
        return None

    @tf.function(autograph=False)
    def holds(values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        (result,) = condition.import_part(
            [goes_on], {name: values[variables[name]] for name in known}
        )
        return result

    @tf.function(autograph=False)
    def step(values: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        following = [loop.results[name] for name in loop.constants]
        return loop.body.import_part([*loop.read, *following], values)

    steps: list[Step] = []
    values = dict(loop.constants)
    while holds(values):
        if (len(steps) + 1) * len(loop.copied) > _MAX_OPS:
            return None
        computed = step(values)
        found, following = computed[: len(loop.read)], computed[len(loop.read) :]
        steps.append({name: value.numpy() for name, value in zip(loop.read, found, strict=True)})
        values = dict(zip(loop.constants, following, strict=True))
    return steps


def _unrolled(graph: FlatGraph, loop: Loop, steps: Sequence[Step]) -> FlatGraph:
    added: dict[str, NodeDef] = {}
    current = loop.start
    for index, step in enumerate(steps):
        nodes, current = _copied(loop, f"{loop.node.name}/step_{index}", step, current)
        added |= nodes
    name = loop.node.name
    outputs = [f"{name}:{index}" if index else name for index in range(len(current))]
    targets = dict(zip(outputs, current.values(), strict=True))
    unrolled = graph.redirected(targets, added.values())
    left = {name: node for name, node in unrolled.nodes.items() if name != loop.node.name}
    return dataclasses.replace(unrolled, nodes=left)


def _copied(
    loop: Loop, scope: str, step: Step, current: Mapping[str, str]
) -> tuple[dict[str, NodeDef], dict[str, str]]:
    """The ops of a step, by their names, and the variables after it."""
    invariant = {name for name, result in loop.results.items() if result == name}
    values = {
        tensor: constant_node(f"{scope}/{tensor.replace(':', '_')}/value", value)
        for tensor, value in step.items()
        if tensor not in invariant
    }
    tensors = {**current, **{tensor: node.name for tensor, node in values.items()}}

    def renamed(tensor: str) -> str:
        if tensor in tensors:
            return tensors[tensor]
        # constants of the body are the same at each step
        is_constant = loop.body.node(tensor).op == "Const"
        return f"{loop.node.name}/body/{tensor}" if is_constant else f"{scope}/{tensor}"

    nodes = {node.name: node for node in values.values()}
    for name in loop.copied:
        inputs = [renamed(tensor) for tensor in loop.body.data_inputs(loop.body.nodes[name])]
        copy = rewired(loop.body.nodes[name], inputs, renamed(name))
        nodes[copy.name] = copy
    return nodes, {name: renamed(result) for name, result in loop.results.items()}


# for models whose activations are integers, and for others
ALL = Pass("loops", functools.partial(_run, False))
OF_OPEN_LISTS = Pass("loops", functools.partial(_run, True))
