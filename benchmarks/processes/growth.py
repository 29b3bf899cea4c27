"""Measures splitting and lowering of a graph and of one that is ten times its size.

python growth.py KIND SIZE
"""

import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.lowering.lower import lower
from tfx_tflite_component.split.split import cut_signature

_ROUNDS = 3
_FACTOR = 10
_EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")

Tensors = Mapping[str, tf.Tensor]


class Chain(tf.Module):
    """A graph of about a number of nodes: two for each addition, its constant and itself."""

    def __init__(self, size: int) -> None:
        """Sets the number of nodes."""
        super().__init__()
        self._additions = size // 2

    def features(self) -> dict[str, object]:
        """One feature."""
        return {"x": tf.io.FixedLenFeature([3], tf.float32)}

    def compute(self, parsed: Tensors) -> tf.Tensor:
        """Adds constants to the feature."""
        x = parsed["x"]
        for number in range(self._additions):
            x = x + float(number)
        return x


class Features(tf.Module):
    """A graph that takes a number of features."""

    def __init__(self, size: int) -> None:
        """Sets the number of features."""
        super().__init__()
        self._names = [f"feature{number}" for number in range(size)]

    def features(self) -> dict[str, object]:
        """That many numbers."""
        return {name: tf.io.FixedLenFeature([1], tf.float32) for name in self._names}

    def compute(self, parsed: Tensors) -> tf.Tensor:
        """Joins the features."""
        return tf.concat([parsed[name] for name in self._names], 1)


class Vocabulary(tf.Module):
    """A graph with a vocabulary of a number of words."""

    def __init__(self, size: int) -> None:
        """Makes the vocabulary."""
        super().__init__()
        words = tf.constant([f"word{number}" for number in range(size)])
        numbers = tf.range(size, dtype=tf.int64)
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(words, numbers), -1
        )

    def features(self) -> dict[str, object]:
        """One word."""
        return {"x": tf.io.FixedLenFeature([1], tf.string)}

    def compute(self, parsed: Tensors) -> tf.Tensor:
        """Looks the word up."""
        return self.table.lookup(parsed["x"])


_KINDS = {"nodes": Chain, "features": Features, "words": Vocabulary}


def main(kind: str, size: str) -> None:
    """Prints the seconds for the size, and for a tenth of it."""
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        sizes = {"few": int(size) // _FACTOR, "many": int(size)}
        signatures = {
            name: _saved(_KINDS[kind](size), pathlib.Path(folder, name))
            for name, size in sizes.items()
        }
        _seconds(signatures["few"])  # warms up
        rounds = [
            {name: _seconds(signature) for name, signature in signatures.items()}
            for _ in range(_ROUNDS)
        ]
    medians = {name: statistics.median(taken[name] for taken in rounds) for name in sizes}
    print(json.dumps(medians))


def _saved(model: Chain | Features | Vocabulary, folder: pathlib.Path) -> ConcreteFunction:
    @tf.function(input_signature=[_EXAMPLES], autograph=False)
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": model.compute(tf.io.parse_example(examples, model.features()))}

    tf.saved_model.save(model, str(folder), signatures=serve)
    return load_signature(folder, "serving_default")


def _seconds(signature: ConcreteFunction) -> float:
    start = time.perf_counter()
    cut = cut_signature(signature)
    cut.with_tail(*lower(cut.graph))
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
