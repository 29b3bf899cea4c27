"""A Trainer's module file whose `run_fn` converts, as TFX's guide "TFX for Mobile" does.

docs/trainer.md shows these lines.
"""

import os
from collections.abc import Callable

import keras
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from tfx_tflite_component import rewrite_saved_model

_LABEL = "label"
_FEATURES = {"values": tf.io.FixedLenFeature([4], tf.float32)}


def run_fn(fn_args: FnArgs) -> None:
    """Trains, and exports a TFLite model."""
    model = _train(fn_args.train_files, fn_args.train_steps)
    temporary_dir = os.path.join(fn_args.serving_model_dir, "temp")
    tf.saved_model.save(model, temporary_dir, signatures={"serving_default": _serving(model)})
    rewrite_saved_model(
        temporary_dir,
        fn_args.serving_model_dir,
        config=fn_args.custom_config["tflite"],
        examples=fn_args.eval_files,
    )
    tf.io.gfile.rmtree(temporary_dir)


def _train(patterns: list[str], steps: int) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input([4]),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(_dataset(patterns), steps_per_epoch=steps, verbose=0)
    return model


def _dataset(patterns: list[str]) -> tf.data.Dataset:
    spec = {**_FEATURES, _LABEL: tf.io.FixedLenFeature([], tf.int64)}

    def parse(examples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        parsed = tf.io.parse_example(examples, spec)
        return parsed["values"], parsed[_LABEL]

    files = tf.io.gfile.glob(patterns)
    return tf.data.TFRecordDataset(files, "GZIP").repeat().batch(50).map(parse)


def _serving(model: keras.Model) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, _FEATURES)
        return {"probabilities": model(parsed["values"])}

    return serve
