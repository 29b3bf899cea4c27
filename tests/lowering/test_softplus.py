"""That softplus is right for all finite inputs."""

import pathlib

import numpy as np
import tensorflow as tf
from lowerings import converted

_X = np.float32([-3e38, -200, -88, -17, -1, -0.0, 1e-3, 1, 17, 88, 95, 200, 3e38])


def test_softplus_does_not_overflow(tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path,
        lambda x: tf.stack([tf.nn.softplus(x), tf.math.log_sigmoid(x)]),
        ([None], tf.float32),
    )
    assert len(lowered.split.lowered["softplus"]) == 2
    expected = lowered.signature(x0=tf.constant(_X))["y"]
    np.testing.assert_allclose(lowered.model({"x0": _X})["y"], expected, rtol=1e-6, atol=1e-7)


def test_softplus_of_nan_is_nan(tmp_path: pathlib.Path) -> None:
    lowered = converted(tmp_path, tf.nn.softplus, ([None], tf.float32))
    assert np.isnan(lowered.model({"x0": np.float32([np.nan])})["y"])
