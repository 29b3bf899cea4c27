"""A model with several signatures that share nearly all of its weights."""

import pathlib

import numpy as np
import tensorflow as tf
from models import EXAMPLES, example, save_each

SIZE = 64
_UNITS = 1024


class Shared(tf.Module):
    """Two heads on one hidden layer, and counters.

    `forward` and `backward` are probabilities of three classes in one order and in the other.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hidden = tf.Variable(tf.random.stateless_normal([SIZE, _UNITS], seed=[1, 2]) / 8)
        self.scores = tf.Variable(tf.random.stateless_normal([_UNITS, 3], seed=[3, 4]) / 16)
        self.calls = tf.Variable(0.0)

    def embed(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(
            examples, {"values": tf.io.FixedLenFeature([SIZE], tf.float32)}
        )
        return {"embedding": tf.nn.relu(parsed["values"] @ self.hidden)}

    def forward(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        embedding = self.embed(examples)["embedding"]
        return {"probabilities": tf.nn.softmax(embedding @ self.scores)}

    def backward(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": self.forward(examples)["probabilities"][:, ::-1]}

    def count(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        self.calls.assign_add(1.0)
        return {"count": self.calls + self.embed(examples)["embedding"][:, :1]}

    def look(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"count": self.calls + self.embed(examples)["embedding"][:, :1]}


def save_shared(folder: pathlib.Path) -> pathlib.Path:
    """Saves the model with all its signatures."""
    model = Shared()
    signatures = {
        "serving_default": model.forward,
        **{key: getattr(model, key) for key in ("backward", "embed", "count", "look")},
    }
    return save_each(folder, signatures, EXAMPLES, module=model)


def shared_examples(count: int, seed: int = 0) -> list[bytes]:
    """Examples for it; the label is the class that `forward` finds most likely."""
    values = np.random.default_rng(seed).normal(size=(count, SIZE)).astype(np.float32)
    model = Shared()
    unlabeled = tf.constant([example(values=row.tolist()) for row in values])
    labels = model.forward(unlabeled)["probabilities"].numpy().argmax(axis=1)
    return [
        example(values=row.tolist(), label=[int(label)])
        for row, label in zip(values, labels, strict=True)
    ]
