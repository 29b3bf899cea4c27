"""That words which are compared before they are broadcast compare to the same."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted
from tensorflow_transform import tf_utils

from tfx_tflite_component.errors import UnsupportedOpsError

_KEYS = np.array([b"a", b"", b"b"], object)
_WORDS = np.array([b"a", b"b", b"", b"unknown", b"a"], object)


def _compared_with_keys(compare: Callable[..., tf.Tensor], words: tf.Tensor) -> tf.Tensor:
    """The way in which TF Transform compares."""
    shape = tf.stack([len(_KEYS), tf.size(words)])
    keys = tf.broadcast_to(_KEYS[:, np.newaxis], shape)
    return compare(keys, tf.broadcast_to(words, shape))


def _in_branch(compute: Compute) -> Compute:
    return lambda x: tf.cond(tf.size(x) > 3, lambda: compute(x), lambda: compute(x)[:, :1])


def _in_loop(compute: Compute) -> Compute:
    def count(x: tf.Tensor) -> tf.Tensor:
        def step(i: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return i + 1, total + tf.reduce_sum(tf.cast(compute(x), tf.int32))

        return tf.while_loop(lambda i, _: i < 3, step, (0, 0))[1]

    return count


@pytest.mark.parametrize("place", [_in_branch, _in_loop])
@pytest.mark.parametrize("compare", [tf.equal, tf.not_equal])
def test_comparison_inside_control_flow(
    compare: Callable[..., tf.Tensor], place: Callable[[Compute], Compute], tmp_path: pathlib.Path
) -> None:
    lowered = converted(
        tmp_path, place(lambda x: _compared_with_keys(compare, x)), ([None], tf.string)
    )
    assert lowered.split.lowered["comparisons"]
    for words in (_WORDS, _WORDS[:3], _WORDS[3:4]):
        lowered.check_same(words)


def test_position_of_a_key_of_tf_transform(tmp_path: pathlib.Path) -> None:
    keys = tf.constant(_KEYS)
    # what the functions whose names end in `_per_key` call
    lowered = converted(tmp_path, lambda x: tf_utils.lookup_key(x, keys), ([None], tf.string))
    assert "BroadcastTo, available" in lowered.refused()
    for words in (_WORDS, _WORDS[:1], _WORDS[3:4], _WORDS[:0]):
        lowered.check_same(words)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(lambda: _KEYS[:, np.newaxis], id="keys are not"),
        pytest.param(lambda: tf.broadcast_to(_KEYS[:, np.newaxis], [3, 1]), id="to other shapes"),
    ],
)
def test_strings_broadcast_to_different_shapes_are_unchanged(
    keys: Callable[[], tf.Tensor], tmp_path: pathlib.Path
) -> None:
    def compare(x: tf.Tensor) -> tf.Tensor:
        return tf.equal(tf.broadcast_to(x, [len(_KEYS), tf.size(x)]), keys())

    with pytest.raises(UnsupportedOpsError, match="BroadcastTo, available"):
        converted(tmp_path, _in_branch(compare), ([None], tf.string))


def test_comparisons_of_numbers_are_unchanged(tmp_path: pathlib.Path) -> None:
    def compare(x: tf.Tensor) -> tf.Tensor:
        shape = tf.stack([3, tf.size(x)])
        return tf.equal(tf.broadcast_to(x, shape), tf.broadcast_to([[1.0], [2.0], [3.0]], shape))

    lowered = converted(tmp_path, _in_branch(compare), ([None], tf.float32))
    assert "comparisons" not in lowered.split.lowered
