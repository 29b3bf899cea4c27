"""Models of images to score, published, and examples for them."""

import dataclasses
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfx_tflite_component.config import read_config
from tfx_tflite_component.rewriting.rewrite import Samples, rewrite

FEATURE = "image"


@dataclasses.dataclass(frozen=True)
class ScoredModel:
    """A kind of model.

    Attributes:
        shape: The shape of its images.
        build: Makes it, with random weights.
        batch_size: How many examples TFMA hands over at once: up to 1,000, fewer if they are large.
    """

    shape: tuple[int, int, int]
    build: Callable[[], keras.Model]
    batch_size: int


def _digits() -> keras.Model:
    """The net of `examples/digits`."""
    layers = [keras.Input((8, 8, 1))]
    for filters in (16, 32):
        layers.append(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        layers.append(keras.layers.MaxPooling2D())
    return keras.Sequential(
        [
            *layers,
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def _perceptron() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def _mobilenet() -> keras.Model:
    return keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None)


MODELS = {
    "digits": ScoredModel((8, 8, 1), _digits, batch_size=1000),
    "perceptron": ScoredModel((28, 28, 1), _perceptron, batch_size=1000),
    "mobilenet": ScoredModel((96, 96, 3), _mobilenet, batch_size=50),
}


def publish(model: ScoredModel, folder: pathlib.Path) -> str:
    """Rewrites a model of a kind, and returns the folder that holds the file `tflite`."""
    network = model.build()
    features = {FEATURE: tf.io.FixedLenFeature(model.shape, tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scores": network(tf.io.parse_example(examples, features)[FEATURE])}

    tf.saved_model.save(network, str(folder / "trained"), signatures=serve)
    published = folder / "published"
    published.mkdir()
    rewrite(folder / "trained", published, read_config({}), Samples())
    return str(published / "Format-Serving")


def make_images(model: ScoredModel, count: int) -> np.ndarray:
    """Random images."""
    random = np.random.default_rng(0)
    return random.normal(size=(count, *model.shape)).astype(np.float32)


def serialize(image: np.ndarray) -> bytes:
    """The `tf.Example` that holds an image."""
    value = tf.train.Feature(float_list=tf.train.FloatList(value=image.ravel()))
    features = tf.train.Features(feature={FEATURE: value})
    return tf.train.Example(features=features).SerializeToString()
