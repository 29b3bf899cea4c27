"""Writes a model as a Trainer lays it out, with 100 MB of float weights or another size.

Serving takes serialized `tf.Example`s. A second signature takes what they hold, because a bare
converter can convert nothing else.

python model.py ARTIFACT MEGABYTES
"""

import json
import pathlib
import sys

import tensorflow as tf

_WIDTH = 2048
_LAYER_BYTES = 4 * _WIDTH**2


class Model(tf.Module):
    """A stack of dense layers."""

    def __init__(self, megabytes: int) -> None:
        """Makes random weights of about that size."""
        super().__init__()
        random = tf.random.Generator.from_seed(0)
        self.kernels = [
            tf.Variable(random.normal([_WIDTH, _WIDTH], stddev=_WIDTH**-0.5))
            for _ in range(round(megabytes * 1e6 / _LAYER_BYTES))
        ]

    @tf.function(input_signature=[tf.TensorSpec([None, _WIDTH], tf.float32, name="values")])
    def serve_tensors(self, values: tf.Tensor) -> dict[str, tf.Tensor]:
        """The scores of a batch of values."""
        for kernel in self.kernels:
            values = tf.nn.relu(values @ kernel)
        return {"scores": values}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The scores of a batch of serialized `tf.Example`s."""
        features = {"values": tf.io.FixedLenFeature([_WIDTH], tf.float32)}
        return self.serve_tensors(tf.io.parse_example(examples, features)["values"])


def main(artifact: str, megabytes: str) -> None:
    """Saves the model in the layout of a Model artifact."""
    model = Model(int(megabytes))
    tf.saved_model.save(
        model,
        str(pathlib.Path(artifact, "Format-Serving")),
        signatures={"serving_default": model.serve_examples, "tensors": model.serve_tensors},
    )
    print(json.dumps({}))


if __name__ == "__main__":
    main(*sys.argv[1:])
