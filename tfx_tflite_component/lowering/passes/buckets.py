"""Takes the hash out of buckets of which there is one.

TF Transform's vocabularies with `num_oov_buckets=1` put every unknown word into the bucket that its
hash gives, by `StringToHashBucketFast`.

1. Of one bucket, the number is 0, whatever is hashed.
2. There are as many numbers as words, and as many words as numbers that `AsString` makes words of.
3. Left alone are several buckets.
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
