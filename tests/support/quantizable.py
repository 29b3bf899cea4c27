"""Models that parse `tf.Example`s, each made of one function, and what rewriting makes of them."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import models
import numpy as np
import tensorflow as tf

from tfx_tflite_component.config import read_config
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.rewriting.rewrite import Samples, rewrite

Compute = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]


def example(**values: Any) -> bytes:
    """A serialized `tf.Example` of features that are numbers, words or arrays of either."""
    return models.example(**{name: np.ravel(value).tolist() for name, value in values.items()})


def weights(*shape: int) -> tf.Variable:
    """A variable with random values; the same for the same shape."""
    return tf.Variable(np.random.default_rng(0).normal(size=shape).astype(np.float32))


def save_model(
    folder: pathlib.Path, features: Mapping[str, Any], compute: Compute, *resources: Any
) -> pathlib.Path:
    """Saves a SavedModel whose signature parses `tf.Example`s and computes outputs of them.

    Args:
        folder: Where to.
        features: What is parsed, as `tf.io.parse_example` takes it.
        compute: The parsed features into the outputs.
        *resources: The variables and tables that this reads.
    """
    module = tf.Module()
    module.resources = resources
    return models.save_parsing(folder, features, compute, module)


def save_classifier(folder: pathlib.Path) -> pathlib.Path:
    """Saves a small convolutional network that gives the probabilities of three classes."""
    # of more than the 1,024 elements that dynamic range quantization asks for
    filters, dense = weights(3, 3, 8, 16), weights(16, 3)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        maps = tf.nn.relu(tf.nn.conv2d(features["image"], filters, strides=1, padding="SAME"))
        return {"probabilities": tf.nn.softmax(tf.reduce_mean(maps, axis=[1, 2]) @ dense / 8)}

    image = tf.io.FixedLenFeature([4, 4, 8], tf.float32)
    return save_model(folder, {"image": image}, compute, filters, dense)


def images(count: int, seed: int = 0) -> list[bytes]:
    """Examples for the classifier."""
    random = np.random.default_rng(seed)
    return [example(image=random.normal(size=[4, 4, 8])) for _ in range(count)]


@dataclasses.dataclass(frozen=True)
class Rewritten:
    """What came out of a rewriting.

    Attributes:
        report: Its report.
        path: The `tflite` file.
    """

    report: Report
    path: pathlib.Path

    @property
    def float_ops(self) -> list[str]:
        """The ops that compute in floats, but for those at the edge of the model."""
        ops = self.report.model.ops
        return [op.name for op in ops if op.computes_in == "float" and not op.is_at_edge]


def rewritten(
    source: pathlib.Path,
    folder: pathlib.Path,
    config: Mapping[str, Any],
    calibration: Sequence[bytes] = (),
    verification: Sequence[bytes] | None = None,
) -> Rewritten:
    """Rewrites a model in this process."""
    folder.mkdir(exist_ok=True)
    report = rewrite(source, folder, read_config(config), Samples(calibration, verification))
    return Rewritten(report, folder / "Format-Serving" / "tflite")
