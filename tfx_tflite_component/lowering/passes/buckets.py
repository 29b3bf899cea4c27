"""Removes hashing if there is only one bucket.

TF Transform's vocabularies with `num_oov_buckets=1` put every unknown word into the bucket of its
hash, with `StringToHashBucketFast`.

1. With one bucket, the result is always 0.
2. The result has the shape of the words, or of the numbers that `AsString` turns into words.
3. Hashes with several buckets are not changed.
"""

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_HASHES = ("StringToHashBucket", "StringToHashBucketFast", "StringToHashBucketStrong")


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    if node.attr["num_buckets"].i != 1:
        return None
    return Replacement((_counted(graph, node),), lambda x: tf.zeros(tf.shape(x), tf.int64))


def _counted(graph: FlatGraph, node: NodeDef) -> str:
    (words,) = graph.data_inputs(node)
    written = graph.node(words)
    return graph.data_inputs(written)[0] if written.op == "AsString" else words


PASS = node_pass("buckets", _HASHES, _replacement)
