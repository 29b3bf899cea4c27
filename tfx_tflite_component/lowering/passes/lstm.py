"""Makes one op of a loop over the steps of an LSTM, for integer activations.

Unrolled, an LSTM in integers repeats the ops of a step, each of which rounds to 8 bits. TFLite's
`UNIDIRECTIONAL_SEQUENCE_LSTM` is one op, and keeps its cell state in 16 bits. The converter makes
this op from a call of a function with the attributes that Keras gives to its LSTM.

1. The step multiplies one row of a list and one state by constant weights. On random values it
   computes what Keras's LSTM computes with these weights.
2. The loop reads all rows in order, and its states start as zeros.
3. The list of all states, the list of the last one, and the last state itself may be read after the
   loop, but not the cell state.
4. Loops with an unknown batch size, and models that change variables, are not changed.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDefLibrary

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.nodes import rewired
from tfx_tflite_component.lowering.lowering_pass import Pass
from tfx_tflite_component.lowering.passes import lists, sizes
from tfx_tflite_component.lowering.passes.loops import LOOPS, Loop, Step, loop_of, steps_of

_READ, _WRITE, _MADE_OF = "TensorListGetItem", "TensorListSetItem", "TensorListFromTensor"
_SUMS = ("Add", "AddV2", "BiasAdd")


@dataclasses.dataclass(frozen=True)
class _Layer:
    """An LSTM layer.

    Attributes:
        rows: The tensor [steps, batch, features] of the graph that it reads.
        kernel: Its weights [features, 4 * units].
        recurrent: Its weights [units, 4 * units].
        bias: Its bias [4 * units].
    """

    rows: str
    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray


@dataclasses.dataclass(frozen=True)
class _Cell:
    """The tensors of a loop's body that an LSTM's step reads.

    Attributes:
        row: The row of the list.
        position: The position of the row.
        list: The list.
        state: The output of the last step.
        cell_state: The cell state of the last step.
        kernel: The weights that multiply the row.
        recurrent: The weights that multiply the state.
        bias: The bias; empty if there is none.
    """

    row: str
    position: str
    list: str
    state: str
    cell_state: str
    kernel: str
    recurrent: str
    bias: Sequence[str]


def _run(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    loops = [node for node in graph.nodes.values() if node.op in LOOPS]
    for node in loops if not graph.writes else []:
        replaced = _replaced(graph, node)
        if replaced is not None:
            # the size of what the next layer reads is then known
            for lowering in (lists.PASS, sizes.PASS):
                replaced, _ = lowering.run(replaced)
            graph, names = _run(replaced)
            return graph, sorted([node.name, *names])
    return graph, []


def _replaced(graph: FlatGraph, node: NodeDef) -> FlatGraph | None:
    """The graph with a call of a function in place of a loop; None if the loop is not an LSTM."""
    loop = loop_of(graph, node)
    cell = _cell(loop)
    steps = steps_of(graph, loop) if cell else None
    if cell is None or not steps:
        return None
    layer, reads = _layer(graph, loop, cell, steps), _reads(graph, loop, cell, steps)
    return _fused(graph, node.name, layer, reads) if layer and reads is not None else None


def _cell(loop: Loop) -> _Cell | None:
    """The tensors of an LSTM's step, if the ops are those of one."""
    body = loop.body
    nodes = [body.nodes[name] for name in loop.copied]
    reads = [node for node in nodes if node.op == _READ]
    products = [body.data_inputs(node) for node in nodes if node.op == "MatMul"]
    states = [name for name in loop.start if _is_state(loop, name)]
    if (len(reads), len(products), len(states)) != (1, 2, 2):
        return None
    of_row = [weights for value, weights in products if value == reads[0].name]
    of_state = [(value, weights) for value, weights in products if value in states]
    if (len(of_row), len(of_state)) != (1, 1):
        return None
    (state, recurrent), (kernel,) = of_state[0], of_row
    (cell_state,) = set(states) - {state}
    rows, position = body.data_inputs(reads[0])[:2]
    added = {x for node in nodes if node.op in _SUMS for x in body.data_inputs(node)}
    unchanged = [name for name, result in loop.results.items() if result == name]
    bias = sorted(x for x in added if body.depends_only_on(x, unchanged))
    return _Cell(reads[0].name, position, rows, state, cell_state, kernel, recurrent, bias)


def _is_state(loop: Loop, name: str) -> bool:
    changes = loop.results[name] != name and name not in loop.constants
    return changes and loop.body.static_tensors[name].dtype == tf.float32


def _layer(graph: FlatGraph, loop: Loop, cell: _Cell, steps: Sequence[Step]) -> _Layer | None:
    """The layer; None if the loop starts, reads or computes something else."""
    made = graph.node(loop.start.get(cell.list, loop.node.name))
    if made.op != _MADE_OF or loop.results[cell.list] != cell.list:
        return None
    rows = graph.data_inputs(made)[0]
    shape = graph.static_tensors[rows].shape
    if shape.rank != 3 or not shape.is_fully_defined():
        return None
    states = [graph.constant(loop.start[name]) for name in (cell.state, cell.cell_state)]
    starts = [start for start in states if start is not None and start.ndim == 2]
    if len(starts) != len(states) or any(np.any(start) for start in starts):
        return None
    if _positions(loop, steps, cell.position) != list(range(shape[0])):
        return None
    weights = _weights(graph, loop, cell, (*shape[1:], starts[0].shape[1]), steps[0])
    return _Layer(rows, *weights) if weights else None


def _positions(loop: Loop, steps: Sequence[Step], tensor: str) -> list[int] | None:
    """The value of a tensor of the body at each step; None if it is not known."""
    always = loop.body.constant(tensor)
    if always is not None:
        return [int(always)] * len(steps)
    return [int(step[tensor]) for step in steps] if tensor in steps[0] else None


def _weights(
    graph: FlatGraph, loop: Loop, cell: _Cell, sizes: Sequence[int], step: Step
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The weights of a step; None if it does not compute what Keras's LSTM does with them."""
    batch, features, units = sizes
    random = np.random.default_rng(0)
    row, state, cell_state = (
        random.normal(size=[batch, size]).astype(np.float32) for size in (features, units, units)
    )
    values = {cell.row: row, cell.state: state, cell.cell_state: cell_state, **step}
    feeds = {name: tf.constant(value) for name, value in values.items()}
    feeds |= _unchanged(graph, loop)
    results = [loop.results[cell.state], loop.results[cell.cell_state]]
    fetches = [*results, *cell.bias, cell.kernel, cell.recurrent]
    if not all(loop.body.depends_only_on(tensor, feeds) for tensor in fetches):
        return None
    *found, kernel, recurrent = loop.body.evaluate(fetches, feeds)
    bias = sum(found[2:], np.zeros(4 * units, np.float32))
    shapes = [array.shape for array in (kernel, recurrent, bias)]
    if shapes != [(features, 4 * units), (units, 4 * units), (4 * units,)]:
        return None
    expected = _lstm_step((state, cell_state), row, kernel, recurrent, bias)
    is_same = all(map(np.allclose, found[:2], expected, [1e-4, 1e-4], [1e-5, 1e-5]))
    return (kernel, recurrent, bias) if is_same else None


def _unchanged(graph: FlatGraph, loop: Loop) -> dict[str, tf.Tensor]:
    """The variables of a loop that no step changes, and that no input of the graph changes."""
    found: dict[str, tf.Tensor] = {}
    for name, tensor in loop.start.items():
        is_known = graph.depends_only_on(tensor, graph.captures)
        if loop.results[name] != name or not is_known:
            continue
        if tensor in graph.captures:
            found[name] = graph.captures[tensor]
        elif graph.static_tensors[tensor].dtype not in (tf.resource, tf.variant):
            found[name] = tf.constant(graph.evaluate([tensor], {})[0])
    return found


def _lstm_step(
    states: tuple[tf.Tensor, tf.Tensor],
    row: tf.Tensor,
    kernel: tf.Tensor,
    recurrent: tf.Tensor,
    bias: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """What a step of Keras's LSTM computes: its output and its cell state."""
    state, cell_state = states
    gates = tf.matmul(row, kernel) + tf.matmul(state, recurrent) + bias
    taken, kept, new, shown = tf.split(gates, 4, axis=1)
    cell_state = tf.sigmoid(kept) * cell_state + tf.sigmoid(taken) * tf.tanh(new)
    return tf.sigmoid(shown) * tf.tanh(cell_state), cell_state


def _reads(
    graph: FlatGraph, loop: Loop, cell: _Cell, steps: Sequence[Step]
) -> dict[str, Callable[[tf.Tensor], tf.Tensor]] | None:
    """How the results of the loop that are read are computed from the outputs of all steps.

    None if a result is read that cannot be computed from them.
    """
    read = {tensor for node in graph.nodes.values() for tensor in graph.data_inputs(node)}
    read |= {graph.origin(tensor) for tensor in graph.outputs.values()}
    found: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {}
    for index, (name, result) in enumerate(loop.results.items()):
        output = f"{loop.node.name}:{index}" if index else loop.node.name
        if output not in read:
            continue
        if name == cell.state:
            found[output] = lambda outputs: outputs[-1]
        else:
            taken = _taken(loop, cell, steps, result)
            if taken is None:
                return None
            found[output] = taken
    return found


def _taken(
    loop: Loop, cell: _Cell, steps: Sequence[Step], result: str
) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """How a list that the steps write is made of their outputs; None for other results."""
    node = loop.body.node(result)
    if node.op != _WRITE:
        return None
    _, position, element = loop.body.data_inputs(node)[:3]
    positions = _positions(loop, steps, position)
    if element != loop.results[cell.state]:
        return None
    if positions == list(range(len(steps))):
        return _list_of
    return (lambda outputs: _list_of(outputs[-1:])) if set(positions or [1]) == {0} else None


def _list_of(rows: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.TensorListFromTensor(tensor=rows, element_shape=rows.shape[1:])


def _fused(
    graph: FlatGraph,
    name: str,
    layer: _Layer,
    reads: Mapping[str, Callable[[tf.Tensor], tf.Tensor]],
) -> FlatGraph:
    """The graph with a function's call in place of a loop."""
    _, batch, _ = graph.static_tensors[layer.rows].shape
    zeros = np.zeros([batch, len(layer.recurrent)], np.float32)
    attributes = {"api_implements": f"lstm_{name}", "time_major": True, "go_backwards": False}
    function = tf.function(_lstm, autograph=False, experimental_attributes=attributes)
    built = tf.Graph()
    with built.as_default(), tf.name_scope(f"{name}/fused/"):
        spec = graph.static_tensors[layer.rows]
        rows = tf.raw_ops.Placeholder(dtype=spec.dtype, shape=spec.shape)
        weights = layer.kernel, layer.recurrent, layer.bias
        _, outputs, *_ = function(rows, zeros, zeros, *map(tf.constant, weights))
        results = {tensor: compute(outputs).name for tensor, compute in reads.items()}
    definition = built.as_graph_def()
    added = [
        rewired(node, [layer.rows if x == rows.op.name else x for x in node.input])
        for node in definition.node
        if node.name != rows.op.name
    ]
    targets = {tensor: found.removesuffix(":0") for tensor, found in results.items()}
    fused = graph.redirected(targets, added)
    library = FunctionDefLibrary(
        function=[*graph.library.function, *definition.library.function],
    )
    left = {key: node for key, node in fused.nodes.items() if key != name}
    return dataclasses.replace(fused, nodes=left, library=library)


def _lstm(
    rows: tf.Tensor,
    state: tf.Tensor,
    cell_state: tf.Tensor,
    kernel: tf.Tensor,
    recurrent: tf.Tensor,
    bias: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """What the converter replaces: it takes and returns what Keras's `standard_lstm` does."""
    outputs, cell_states = tf.scan(
        lambda states, row: _lstm_step(states, row, kernel, recurrent, bias),
        rows,
        (state, cell_state),
    )
    return outputs[-1], outputs, outputs[-1], cell_states[-1], tf.constant(0.0)


PASS = Pass("lstm", _run)
