"""That products with matrices are the Fourier transforms that they replace."""

import pathlib

import numpy as np
import tensorflow as tf
from lowerings import converted

_X = np.random.default_rng(0).normal(size=(3, 4, 10)).astype(np.float32)


def test_cosine_transforms_are_the_same(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        plain = tf.signal.dct(x, type=2)
        return tf.concat([plain, tf.signal.dct(x, type=2, norm="ortho")], axis=-1)

    lowered = converted(tmp_path, compute, ([None, 4, 10], tf.float32))
    assert "fourier" in lowered.split.lowered
    for batch in (_X, _X[:1]):
        expected = lowered.signature(x0=tf.constant(batch))["y"]
        np.testing.assert_allclose(lowered.model({"x0": batch})["y"], expected, atol=1e-5)


def test_cepstral_coefficients_need_builtin_ops_only(tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path,
        tf.signal.mfccs_from_log_mel_spectrograms,
        ([None, 4, 10], tf.float32),
    )
    expected = lowered.signature(x0=tf.constant(_X))["y"]
    np.testing.assert_allclose(lowered.model({"x0": _X})["y"], expected, atol=1e-5)
