"""Takes out checks that values pass through.

Assertions hold other ops back by control dependencies, of which the tail has none. Values pass
through `CheckNumerics`, which the converter leaves out, and through others, which need Select TF.

1. `CheckNumericsV2` is what it checks.
2. So is `EnsureShape`, if as much is known of the shape as it ensures.
3. Otherwise `EnsureShape` becomes a reshape to that shape, which takes the sizes that are left open
   from what it checks: so the converter still learns what it ensured.
"""

from collections.abc import Callable

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.static_tensors import static_tensors
from tfx_tflite_component.lowering.replacement import Replacement, replace

_CHECKS = ("CheckNumericsV2", "EnsureShape")


def lower_checks(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    """Replaces each check by what it checks.

    Args:
        graph: The graph of a signature.

    Returns:
        The graph, and the names of the checks that were replaced.
    """
    checks = [node for node in graph.nodes.values() if node.op in _CHECKS]
    if not checks:
        return graph, []
    known = static_tensors(graph)
    replacements = {node.name: _replacement(graph, known, node) for node in checks}
    return replace(graph, replacements), sorted(replacements)


def _replacement(graph: FlatGraph, known: Callable[[str], tf.Tensor], node: NodeDef) -> Replacement:
    (checked,) = graph.data_inputs(node)
    ensured = known(node.name).shape if node.op == "EnsureShape" else tf.TensorShape(None)

    def unchecked(x: tf.Tensor) -> tf.Tensor:
        if x.shape.is_subtype_of(ensured):
            return x
        sizes = tf.shape(x)
        return tf.reshape(x, [sizes[i] if size is None else size for i, size in enumerate(ensured)])

    return Replacement((checked,), unchecked)
