"""That concatenations stay where they are, so that each feature keeps its own range."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from lowerings import converted, lowered_ops, saved, split_lowered
from quantizable import Rewritten, example, rewritten, save_model, weights

from tfx_tflite_component.graph.saved_model import load_signature

_FLOATS = ([None, 2], tf.float32)
_NUMBERS = ([None, 1], tf.float32)
_NUMBER = tf.io.FixedLenFeature([1], tf.float32)
_WEIGHTS = weights(2, 3)
_CALIBRATED = ["FULL_INTEGER", "INT16_ACTIVATIONS"]


def _scores(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Z-scores of features of very different ranges, concatenated as Keras 2 does."""
    with tf.name_scope("transform_features_layer"):
        z_scores = [(features["mass"] - 4000.0) / 800.0, (features["depth"] - 17.0) / 2.0]
    return {"scores": tf.concat(z_scores, axis=1) @ _WEIGHTS}


def _examples() -> list[bytes]:
    random = np.random.default_rng(0)
    return [example(mass=random.normal(4000, 800), depth=random.normal(17, 2)) for _ in range(300)]


@pytest.fixture(scope="module", params=_CALIBRATED)
def integer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Rewritten:
    folder = tmp_path_factory.mktemp("scores")
    features = {"mass": _NUMBER, "depth": _NUMBER}
    source = save_model(folder / "model", features, _scores, _WEIGHTS)
    config = {"quantization": {"mode": request.param}}
    return rewritten(source, folder / "out", config, _examples(), _examples())


def test_integer_model_keeps_the_precision_of_small_range_features(integer: Rewritten) -> None:
    output = integer.report.verification.outputs["scores"]
    # 4 dB at most where both features share a scale
    assert output.sqnr_db > 30
    assert output.argmax_agreement > 0.95


def test_preprocessing_stays_apart_from_the_model(integer: Rewritten) -> None:
    ops = integer.report.model.ops
    assert [op.is_preprocessing for op in ops if op.name in ("SUB", "MUL")] == [True] * 4


@pytest.mark.parametrize("axis", [-1, 1])
def test_float_model_does_the_same_arithmetic_once(axis: int, tmp_path: pathlib.Path) -> None:
    lowered = converted(
        tmp_path,
        lambda x, y: tf.concat([(x - 1.0) * 3.0, (y - 2.0) * 5.0], axis),
        _NUMBERS,
        _NUMBERS,
    )
    assert lowered.ops == ["CONCATENATION", "SUB", "MUL"]
    numbers = np.arange(4, dtype=np.float32)[:, np.newaxis]
    lowered.check_same(numbers, numbers / 2)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_axis_from_the_end_is_the_same(axis: int, tmp_path: pathlib.Path) -> None:
    source = saved(tmp_path, lambda x: tf.concat([x + 1.0, x + 3.0], axis), _FLOATS)
    signature = load_signature(source, "serving_default")
    parts = split_lowered(signature, is_calibrated=True)
    assert ("concat_axis" in parts.lowered) == (axis >= 0)
    x = tf.reshape(tf.range(6.0), [3, 2])
    (found,) = parts.tail.function(x).values()
    np.testing.assert_array_equal(found, signature(x0=x)["y"])


@pytest.mark.parametrize(
    ("compute", "dtype", "shape"),
    [
        pytest.param(lambda x: [x + 1.0, x * 2.0], tf.float32, [None, 2], id="other arithmetic"),
        pytest.param(lambda x: [x + 1, x + 2], tf.int32, [None, 2], id="integers"),
        pytest.param(lambda x: [x + 1.0, x + 2.0], tf.float32, None, id="unknown rank"),
    ],
)
def test_other_concatenations_are_unchanged(
    compute: Callable[[tf.Tensor], list[tf.Tensor]],
    dtype: tf.DType,
    shape: list[int | None] | None,
    tmp_path: pathlib.Path,
) -> None:
    assert lowered_ops(tmp_path, lambda x: tf.concat(compute(x), -1), (shape, dtype)) == {}
