"""Saves models of the Keras that `tf.keras` is in this process; see test_keras_generations.py.

python tests/support/keras_models.py DIR
"""

import pathlib
import sys

import tensorflow as tf
from models import EXAMPLES, save

FEATURES = {"x": tf.io.FixedLenFeature([4], tf.float32)}


def main(folder: pathlib.Path) -> None:
    """Saves a model in the two ways that Trainers do, and prints which Keras it was."""
    layers = tf.keras.layers
    # before the layers are made, whose weights are random
    tf.keras.utils.set_random_seed(1)
    x = tf.keras.Input([4], name="x")
    hidden = layers.BatchNormalization()(layers.Dense(8, activation="relu")(x))
    model = tf.keras.Model(x, layers.Dense(2)(hidden))

    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": model(tf.io.parse_example(examples, FEATURES)["x"])}

    save(folder / "saved", serve, EXAMPLES, module=model)
    model.export(str(folder / "exported"))
    print(type(model).__module__.partition(".")[0])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
