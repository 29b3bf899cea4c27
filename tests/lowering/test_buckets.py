"""That what is hashed into one bucket is 0, and that other hashes stay."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, converted

from tfx_tflite_component.errors import UnsupportedOpsError

_WORDS = np.array([[b"a", b""], [b"\xc3\xa9", b"a b"]], object)

_hashes = pytest.mark.parametrize(
    "hashed",
    [
        pytest.param(tf.strings.to_hash_bucket_fast, id="fast"),
        pytest.param(
            lambda x, buckets: tf.strings.to_hash_bucket_strong(x, buckets, [1, 2]), id="strong"
        ),
        pytest.param(tf.strings.to_hash_bucket, id="by hash code"),
    ],
)


@_hashes
def test_words_of_one_bucket(hashed: Compute, tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, lambda x: hashed(x, 1), ([None, 2], tf.string))
    assert "StringToHashBucket" in lowered.refused()
    for words in (_WORDS, _WORDS[:1], _WORDS[:0]):
        lowered.check_same(words)


def test_integers_written_as_words_of_one_bucket(tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path,
        lambda x: tf.strings.to_hash_bucket_fast(tf.strings.as_string(x), 1),
        ([None], tf.int64),
    )
    assert "AsString, available" in lowered.refused()
    lowered.check_same(np.array([0, -(2**63), 7]))


@pytest.mark.parametrize("dtype", [tf.int64, tf.string], ids=repr)
def test_vocabulary_with_one_bucket_for_unknown_words(
    dtype: tf.DType, tmp_path: pathlib.Path
) -> None:
    keys = np.array([b"7", b"8", b"9"], object) if dtype == tf.string else np.array([7, 8, 9])
    module = tf.Module()
    initializer = tf.lookup.KeyValueTensorInitializer(keys, np.arange(3))
    # what `tft.compute_and_apply_vocabulary(num_oov_buckets=1)` looks up in
    module.table = tf.lookup.StaticVocabularyTable(
        initializer, num_oov_buckets=1, lookup_key_dtype=dtype
    )
    lowered = converted(
        tmp_path,
        lambda x: module.table.lookup(x) + 10 * module.table.size(),
        ([None], dtype),
        module=module,
    )
    others = np.array([b"", b"07"], object) if dtype == tf.string else np.array([0, -7])
    lowered.check_same(np.concatenate([keys, others]))


@_hashes
def test_hash_with_several_buckets_is_unchanged(hashed: Compute, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UnsupportedOpsError, match="StringToHashBucket"):
        converted(tmp_path, lambda x: hashed(x, 2), ([None, 2], tf.string))
