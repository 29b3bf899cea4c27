"""The dtypes in which `tf.Example`s hold the features that a signature reads."""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import ConcreteFunction, flatten
from tfx_tflite_component.split.head import matching_features
from tfx_tflite_component.split.parse_ops import parses, readable_features
from tfx_tflite_component.split.sizes import batched_inputs


def stored_dtypes(signature: ConcreteFunction) -> dict[str, tf.DType]:
    """The dtype of each feature that a signature reads: string, int64 or float32.

    Args:
        signature: The signature, as `load_signature` gives it.

    Returns:
        The dtypes by feature; empty if the features cannot be determined.
    """
    graph = flatten(signature)
    if parses(graph):
        features = readable_features(graph)
    else:
        features = matching_features(graph.specs, batched_inputs(graph.specs))
    return {feature.name: feature.dtype for feature in features}
