"""TF1 variables, rebuilt as TF2 variables, because the converter can initialize only those."""

from collections.abc import Iterable

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph

_OP = "VariableV2"
_ASSIGNMENTS = ("Assign", "ResourceScatter")


def rebuild_variables(graph: FlatGraph, nodes: Iterable[str]) -> dict[str, tf.Variable]:
    """Rebuilds variables that are ops of the graph, which is TF1's default.

    Args:
        graph: The graph.
        nodes: The names of the nodes in which to look for them.

    Returns:
        The variable for each tensor that was a reference to a variable.
    """
    return {
        name: tf.Variable(_value(graph, name), trainable=False)
        for name in sorted(nodes)
        if graph.nodes[name].op == _OP
    }


def assigns_variables(signature: ConcreteFunction) -> bool:
    """Whether a call of a signature changes what the next one returns.

    Args:
        signature: The signature, as `load_signature` gives it.
    """
    graph = signature.graph.as_graph_def()
    bodies = (function.node_def for function in graph.library.function)
    return any(
        node.op.startswith(_ASSIGNMENTS) for nodes in (graph.node, *bodies) for node in nodes
    )


def _value(graph: FlatGraph, name: str) -> tf.Tensor:
    @tf.function(autograph=False)
    def read() -> tf.Tensor:
        # the shared name finds the variable into which the SavedModel's values were restored
        (reference,) = graph.import_part([name], {})
        return tf.identity(reference)

    return read()
