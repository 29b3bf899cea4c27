"""The ranges that a graph proves for its integers."""

import numpy as np
import pytest
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, flatten
from tfx_tflite_component.graph.integer_ranges import (
    INT32,
    INT64,
    IntegerRange,
    computed_range,
    read_range,
)

_WEIGHTS = tf.Variable(np.zeros([7, 2], np.float32))
_WORDS = tf.lookup.StaticHashTable(
    tf.lookup.KeyValueTensorInitializer(["a", "b", "c"], tf.constant([3, 5, 9], tf.int64)), -1
)


def _graph(compute, **dtypes: tf.DType) -> FlatGraph:
    specs = {name: tf.TensorSpec([None], dtype, name=name) for name, dtype in dtypes.items()}
    function = tf.function(lambda **inputs: {"y": compute(*inputs.values())}, autograph=False)
    module = tf.Module()
    module.kept = [_WEIGHTS, _WORDS]
    module.serve = function
    return flatten(function.get_concrete_function(**specs))


_CAPTURED = tf.constant([1, 7], tf.int64)
_COMPUTED = {
    "captured constant": (lambda x: _CAPTURED + 1, (2, 8)),
    "constant": (lambda x: tf.constant([4, -2, 9], tf.int64), (-2, 9)),
    "hash bucket": (lambda x: tf.strings.to_hash_bucket_fast(x, 2**40), (0, 2**40 - 1)),
    "vocabulary": (_WORDS.lookup, (-1, 9)),
    "vocabulary or hash bucket": (
        lambda x: tf.where(x == "a", _WORDS.lookup(x), tf.strings.to_hash_bucket_fast(x, 10) + 4),
        (-1, 13),
    ),
    "vocabulary with hash buckets behind it": (
        lambda x: tf.where(
            _WORDS.lookup(x) == -1,
            tf.strings.to_hash_bucket_fast(x, 10) + _WORDS.size(),
            _WORDS.lookup(x),
        ),
        (-1, 12),
    ),
    "moved": (lambda x: tf.reshape(tf.strings.to_hash_bucket_fast(x, 8)[:, None], [-1]), (0, 7)),
    "joined": (
        lambda x: tf.concat([_WORDS.lookup(x), tf.strings.to_hash_bucket_fast(x, 50)], 0),
        (-1, 49),
    ),
    "of a float": (lambda x: tf.cast(tf.strings.to_number(x), tf.int64), (INT64.min, INT64.max)),
    "of 32 bits": (
        lambda x: tf.cast(tf.strings.to_number(x, tf.int32), tf.int64),
        (INT32.min, INT32.max),
    ),
    "clipped": (
        lambda x: tf.clip_by_value(tf.strings.to_number(x, tf.int64), -3, 12),
        (-3, 12),
    ),
    "clipped on one side": (
        lambda x: tf.maximum(tf.strings.to_number(x, tf.int64), 0),
        (0, INT64.max),
    ),
    "remainder": (lambda x: tf.strings.to_number(x, tf.int64) % 12, (0, 11)),
    "overflow": (lambda x: tf.strings.to_number(x, tf.int64) + 1, (INT64.min, INT64.max)),
    "sum of truth values": (lambda x: tf.cast(x == "a", tf.int64) + 1, (1, 2)),
}


@pytest.mark.parametrize("name", _COMPUTED)
def test_range_is_that_of_the_ops_that_compute_it(name):
    compute, (low, high) = _COMPUTED[name]
    graph = _graph(compute, x=tf.string)
    assert computed_range(graph, graph.outputs["y"]) == IntegerRange(low, high)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda x: tf.gather(_WEIGHTS, x), IntegerRange(0, 6)),
        (lambda x: tf.gather(tf.zeros([4, 5]), tf.expand_dims(x, 1), axis=1), IntegerRange(0, 4)),
        (lambda x: tf.cast(x, tf.int32) + 1, INT32),
        (lambda x: tf.cast(x, tf.float32), INT64),
        (lambda x: tf.cast(x, tf.int32) + tf.cast(x == 2**40, tf.int32), INT64),
        (lambda x: x, INT64),
    ],
    ids=["weights", "other axis", "cast", "cast to float", "also compared", "output"],
)
def test_range_is_that_in_which_its_readers_use_it(compute, expected):
    graph = _graph(compute, x=tf.int64)
    assert read_range(graph, graph.inputs["x"]) == expected
