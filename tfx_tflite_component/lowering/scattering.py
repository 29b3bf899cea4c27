"""Scatters values into a tensor of zeros of any shape."""

import tensorflow as tf


def scattered(indices: tf.Tensor, values: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """Adds up the values with the same place in a dense tensor.

    Args:
        indices: The place of each value, [values, rank].
        values: The values, [values].
        shape: The shape of the dense tensor.

    Returns:
        The dense tensor, with zeros in all other places.
    """
    # TFLite takes a wrong slice if the sizes are int64
    indices, shape = tf.cast(indices, tf.int32), tf.cast(shape, tf.int32)
    # and divides by the sizes when it scatters, so a size of 0 would crash the process
    dense = tf.scatter_nd(indices, values, tf.maximum(shape, 1))
    return tf.slice(dense, tf.zeros_like(shape), shape)
