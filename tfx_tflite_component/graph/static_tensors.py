"""What is known of a graph's tensors before it runs."""

from collections.abc import Callable

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph


def static_tensors(graph: FlatGraph) -> Callable[[str], tf.Tensor]:
    """The dtype and the static shape of the tensors of a graph: a tensor for each name."""
    with tf.Graph().as_default() as imported:
        tf.graph_util.import_graph_def(graph.graph_def(), name="")

    def tensor(name: str) -> tf.Tensor:
        return imported.get_tensor_by_name(name if ":" in name else f"{name}:0")

    return tensor
