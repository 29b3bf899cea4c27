"""The variables of TF1, rebuilt as those of TF2: the converter cannot initialize any other."""

from collections.abc import Iterable

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph

_OP = "VariableV2"


def rebuild_variables(graph: FlatGraph, nodes: Iterable[str]) -> dict[str, tf.Variable]:
    """Rebuilds the variables that are ops of the graph, as TF1 makes them by default.

    Args:
        graph: The graph.
        nodes: The names of the nodes among which they are looked for.

    Returns:
        The variable for each tensor that was a reference to one.
    """
    return {
        name: tf.Variable(_value(graph, name), trainable=False)
        for name in sorted(nodes)
        if graph.nodes[name].op == _OP
    }


def _value(graph: FlatGraph, name: str) -> tf.Tensor:
    @tf.function(autograph=False)
    def read() -> tf.Tensor:
        # the shared name finds the variable that the SavedModel's values were restored to
        (reference,) = graph.import_part([name], {})
        return tf.identity(reference)

    return read()
