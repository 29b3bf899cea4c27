"""What a signature's graph shows of its features."""

import pathlib
from collections.abc import Callable

import pytest
import tensorflow as tf
import tf_keras
from models import Tensors, save_parsing

from tfx_tflite_component.app.feature_values import FeatureValues, feature_values
from tfx_tflite_component.graph.flat_graph import flatten
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.parse_ops import readable_features


def _shown(
    folder: pathlib.Path,
    feature: object,
    compute: Callable[[tf.Tensor], tf.Tensor],
    module: tf.Module | None = None,
) -> FeatureValues:
    """What is shown of a feature `x`, of which and of another an output is made."""
    features = {"x": feature, "other": tf.io.FixedLenFeature([], tf.float32)}

    def combine(parsed: Tensors) -> Tensors:
        return {"y": tf.cast(compute(parsed["x"]), tf.float32) * parsed["other"][:, tf.newaxis]}

    signature = load_signature(
        save_parsing(folder / "model", features, combine, module), "serving_default"
    )
    found = feature_values(signature, readable_features(flatten(signature)))
    return next(values for values in found if values.feature.name == "x")


_NUMBER = tf.io.FixedLenFeature([1], tf.float32)
_INTEGER = tf.io.FixedLenFeature([1], tf.int64)


@pytest.mark.parametrize(
    ("feature", "compute", "center", "scale"),
    [
        (_NUMBER, lambda x: (x - 40.0) / 5.0, 40.0, 5.0),
        (_NUMBER, lambda x: (x + 87.6) / tf.sqrt(0.0025), -87.6, 0.05),
        (_NUMBER, lambda x: x * 0.01 - 3.0, 300.0, 100.0),
        (_INTEGER, lambda x: (tf.cast(x, tf.float32) - 800.0) / 600.0, 800.0, 600.0),
        (_NUMBER, lambda x: tf.math.log1p(tf.abs(x)), 0.0, 1.0),
        (tf.io.VarLenFeature(tf.float32), lambda x: (tf.sparse.to_dense(x) - 7.0) / 2.0, 7.0, 2.0),
    ],
    ids=["z-score", "by variance", "product", "integer", "no line", "sparse"],
)
def test_center_and_scale_are_those_of_the_normalization(
    tmp_path: pathlib.Path,
    feature: object,
    compute: Callable[[tf.Tensor], tf.Tensor],
    center: float,
    scale: float,
) -> None:
    shown = _shown(tmp_path, feature, compute)
    assert shown.center == pytest.approx(center, rel=1e-3)
    assert shown.scale == pytest.approx(scale, rel=1e-2)


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: tf.raw_ops.Bucketize(input=x, boundaries=[1.0, 2.5, 4.0]),
        lambda x: tf.raw_ops.Bucketize(input=(x - 1.0) / 3.0, boundaries=[0.0, 0.5, 1.0]),
        lambda x: tf.searchsorted(tf.constant([1.0, 2.5, 4.0]), x[:, 0])[:, tf.newaxis],
    ],
    ids=["Bucketize", "Bucketize of a scaled number", "searchsorted"],
)
def test_boundaries_are_in_units_of_the_feature(
    tmp_path: pathlib.Path, compute: Callable[[tf.Tensor], tf.Tensor]
) -> None:
    assert _shown(tmp_path, _NUMBER, compute).boundaries == pytest.approx((1.0, 2.5, 4.0))


def test_boundaries_of_what_is_not_a_line_are_unknown(tmp_path: pathlib.Path) -> None:
    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.Bucketize(input=tf.math.log1p(tf.abs(x)), boundaries=[1.0, 2.0])

    assert _shown(tmp_path, _NUMBER, compute).boundaries == ()


def test_number_of_classes_is_that_of_a_one_hot(tmp_path: pathlib.Path) -> None:
    assert _shown(tmp_path, _INTEGER, lambda x: tf.one_hot(x[:, 0], 9)).num_classes == 9


def test_number_of_classes_is_that_of_a_layer_of_keras(tmp_path: pathlib.Path) -> None:
    layer = tf_keras.layers.CategoryEncoding(9)
    assert _shown(tmp_path, _INTEGER, layer).num_classes == 9


def test_number_of_classes_is_that_of_an_embedding(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.rows = tf.Variable(tf.random.stateless_normal([11, 3], [1, 2]))
    shown = _shown(tmp_path, _INTEGER, lambda x: tf.gather(module.rows, x[:, 0]), module)
    assert shown.num_classes == 11


def test_words_are_those_of_the_table(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(["b", "a"]), tf.constant([0, 1])), -1
    )
    feature = tf.io.FixedLenFeature([1], tf.string)
    assert _shown(tmp_path, feature, module.table.lookup, module).words == (b"a", b"b")


def test_feature_that_nothing_is_made_of_is_not_used(tmp_path: pathlib.Path) -> None:
    shown = _shown(tmp_path, _NUMBER, lambda x: tf.ones_like(x) * 3.0)
    assert shown.scale == 1.0
    features = {"x": _NUMBER, "idle": _NUMBER}
    save_parsing(tmp_path / "idle", features, lambda parsed: {"y": parsed["x"] * 2.0})
    signature = load_signature(tmp_path / "idle", "serving_default")
    found = feature_values(signature, readable_features(flatten(signature)))
    assert {values.feature.name: values.is_used for values in found} == {"x": True, "idle": False}
