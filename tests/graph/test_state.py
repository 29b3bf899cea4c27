"""That a model keeps the state that its signature keeps, call after call."""

import pathlib
from collections.abc import Callable

import models
import numpy as np
import pytest
import tensorflow as tf

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import split
from tfx_tflite_component.tflite.interpreter import TFLiteModel

_SPEC = tf.TensorSpec([None, 3], tf.float32, "x")


class _Stateful(tf.Module):
    def __init__(self) -> None:
        self.mean = tf.Variable(tf.zeros([3]), name="running_mean")
        self.window = tf.Variable(tf.zeros([4, 3]), name="window")
        self.count = tf.Variable(0, name="count")

    def normalizer(self, x: tf.Tensor) -> tf.Tensor:
        centred = x - self.mean
        self.mean.assign(0.9 * self.mean + 0.1 * tf.reduce_mean(x, 0))
        return centred

    def counter(self, x: tf.Tensor) -> tf.Tensor:
        self.count.assign_add(1)
        return x * tf.cast(self.count, tf.float32)

    def reads_between_writes(self, x: tf.Tensor) -> tf.Tensor:
        first = self.mean + 0.0
        self.mean.assign_sub(x[0])
        second = self.mean + 0.0
        self.mean.assign(second * 2)
        return x + first + second * 3 + self.mean * 5

    def cache(self, x: tf.Tensor) -> tf.Tensor:
        self.window.scatter_update(tf.IndexedSlices(x[:1], [self.count % 4]))
        self.count.assign_add(1)
        return x + tf.reduce_sum(self.window, 0)

    def condition(self, x: tf.Tensor) -> tf.Tensor:
        tf.cond(tf.reduce_sum(x) > 0, lambda: self.mean.assign_add(x[0]), self.mean.read_value)
        return x + self.mean

    def no_output_depends_on_it(self, x: tf.Tensor) -> tf.Tensor:
        self.mean.assign(x[0])
        return x * 2


def _saved(folder: pathlib.Path, module: _Stateful, compute: Callable) -> pathlib.Path:
    return models.save(folder / "model", lambda x: {"y": compute(x)}, _SPEC, module=module)


@pytest.mark.parametrize(
    "name",
    ["normalizer", "counter", "reads_between_writes", "cache", "condition"],
)
def test_ten_calls_match_the_saved_model(name: str, tmp_path: pathlib.Path) -> None:
    module = _Stateful()
    source = _saved(tmp_path, module, getattr(module, name))
    signature = load_signature(source, "serving_default")
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(split(signature).tail, read_config("")))
    model = TFLiteModel(path)
    random = np.random.default_rng(0)
    for _ in range(10):
        x = random.normal(size=(2, 3)).astype(np.float32)
        expected = signature(x=tf.constant(x))["y"]
        np.testing.assert_allclose(model({"x": x})["y"], expected, atol=1e-5, rtol=1e-5)


def test_state_that_no_output_depends_on_is_kept(tmp_path: pathlib.Path) -> None:
    module = _Stateful()
    source = _saved(tmp_path, module, module.no_output_depends_on_it)
    tail = split(load_signature(source, "serving_default")).tail
    tail.function(tf.constant([[1.0, 2.0, 3.0]]))
    (variable,) = tail.resources.variables_read
    np.testing.assert_array_equal(variable, [1, 2, 3])


def test_head_that_reads_a_changing_variable_is_refused_by_its_name(
    tmp_path: pathlib.Path,
) -> None:
    module = _Stateful()

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        scaled = tf.identity(features["x"] - module.mean, name="scaled")
        module.mean.assign(tf.reduce_mean(scaled, 0))
        return {"y": tf.exp(scaled)}

    features = {"x": tf.io.FixedLenFeature([3], tf.float32)}
    source = models.save_parsing(tmp_path / "model", features, compute, module)
    signature = load_signature(source, "serving_default")
    with pytest.raises(SplitError, match="running_mean"):
        split(signature, Boundary.TENSORS, tensors={"x": "scaled"})


def test_part_of_a_variable_that_is_assigned_is_refused_by_its_name(
    tmp_path: pathlib.Path,
) -> None:
    module = _Stateful()

    def compute(x: tf.Tensor) -> tf.Tensor:
        module.window[1:2].assign(x[:1])
        return x + tf.reduce_sum(module.window, 0)

    signature = load_signature(_saved(tmp_path, module, compute), "serving_default")
    with pytest.raises(SplitError, match="window"):
        split(signature)
