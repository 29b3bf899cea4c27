"""Small float TFLite models that quantization hurts, with inputs for them."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tfx_tflite_component.quantization.float_model import FloatModel

KEY = "serving_default"


@dataclasses.dataclass(frozen=True)
class Case:
    """A float model, what it is run on, and what it returns for that.

    Attributes:
        content: The content of the `.tflite` file.
        inputs: An array [examples, ...] for each input.
        expected: An array [examples, ...], of the output `y`.
    """

    content: bytes
    inputs: dict[str, np.ndarray]
    expected: np.ndarray

    def feeds(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """The examples one by one."""
        for index in range(len(self.expected)):
            yield KEY, {name: array[index : index + 1] for name, array in self.inputs.items()}

    @property
    def model(self) -> FloatModel:
        """The model, calibrated with the same examples."""
        return FloatModel(self.content, self.feeds)

    def decibels(self, content: bytes) -> float:
        """The SQNR of a model against the float function, centered on each output's mean."""
        noise = np.square(self._run(content) - self.expected).sum()
        signal = np.square(self.expected - self.expected.mean(axis=0)).sum()
        return float(10 * np.log10(signal / max(noise, 1e-30)))

    def _run(self, content: bytes) -> np.ndarray:
        runner = tf.lite.Interpreter(model_content=content).get_signature_runner()
        return np.concatenate([runner(**arrays)["y"] for _, arrays in self.feeds()])


def make_case(compute: Callable[..., tf.Tensor], **inputs: np.ndarray) -> Case:
    """Converts a function of inputs [batch, ...] to a float model whose output is `y`."""
    specs = {
        name: tf.TensorSpec([None, *array.shape[1:]], tf.float32, name)
        for name, array in inputs.items()
    }
    module = tf.Module()
    module.serve = tf.function(lambda **given: {"y": compute(**given)})
    function = module.serve.get_concrete_function(**specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    expected = function(**{name: tf.constant(array) for name, array in inputs.items()})
    return Case(bytes(converter.convert()), inputs, expected["y"].numpy())


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Normally distributed float32 values."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def unlike_channels() -> Case:
    """Two convolutions whose channels differ by a factor of up to 1,000."""
    scales = np.exp(np.random.default_rng(3).uniform(-3.5, 3.5, 16)).astype(np.float32)
    first, second = normal(3, 3, 2, 16) * scales, normal(3, 3, 16, 4, seed=1) / scales[:, None]

    def compute(image: tf.Tensor) -> tf.Tensor:
        maps = tf.nn.relu(tf.nn.conv2d(image, first, 1, "SAME"))
        return tf.reduce_mean(tf.nn.conv2d(maps, second, 1, "SAME"), [1, 2])

    return make_case(compute, image=normal(48, 4, 4, 2, seed=2))


def unlike_features() -> Case:
    """Features of 1e6 and 1e-3, which are concatenated and then normalized."""
    mean, std = np.float32([2e6, 0]), np.float32([1e6, 1e-3])
    dense = normal(2, 6)

    def compute(large: tf.Tensor, small: tf.Tensor) -> tf.Tensor:
        return tf.nn.tanh(((tf.concat([large, small], 1) - mean) / std) @ dense)

    values = normal(48, 2, seed=2) * std + mean
    return make_case(compute, large=values[:, :1], small=values[:, 1:])


def masked_scores() -> Case:
    """Causal attention, whose mask adds -1e9 to scores."""
    mask = ((1 - np.tril(np.ones([6, 6]))) * -1e9).astype(np.float32)

    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(tf.matmul(x, x, transpose_b=True) / 4 + mask) @ x

    return make_case(compute, x=normal(48, 6, 8, seed=2))


def outliers() -> Case:
    """A network for one of whose examples all activations are 1,000 times as large."""
    first, second = normal(4, 32), normal(32, 3, seed=1) / 8
    values = normal(48, 4, seed=2)
    values[7] *= 1000

    def compute(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.tanh(tf.nn.relu(x @ first) @ second)

    return make_case(compute, x=values)
