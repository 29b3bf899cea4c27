"""What Transform and Trainer run: preprocessing, model and serving signatures.

An ordinary TFX module file. Nothing in it knows of TensorFlow Lite.
"""

import math
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx
from tfx_bsl.public import tfxio

IMAGE = "image_floats"
LABEL = "image_class"
CLASSES = 10

_SEED = 1
_BATCH_SIZE = 64

Signature = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]


def _transformed(key: str) -> str:
    return f"{key}_xf"


def preprocessing_fn(inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Scales all pixels by the smallest and largest value that the training data holds."""
    return {
        _transformed(IMAGE): tft.scale_to_0_1(inputs[IMAGE]),
        _transformed(LABEL): inputs[LABEL],
    }


def run_fn(fn_args: tfx.components.FnArgs) -> None:
    """Trains the model and saves it with its serving signatures."""
    keras.utils.set_random_seed(_SEED)
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    model = _build_model(_image_side(transform_output))
    model.fit(
        _dataset(fn_args.train_files, fn_args.data_accessor, transform_output),
        steps_per_epoch=fn_args.train_steps,
        validation_data=_dataset(fn_args.eval_files, fn_args.data_accessor, transform_output),
        validation_steps=fn_args.eval_steps,
        verbose=2,
    )
    signatures = _serving_signatures(model, transform_output)
    tf.saved_model.save(model, fn_args.serving_model_dir, signatures=signatures)


def _image_side(transform_output: tft.TFTransformOutput) -> int:
    """Returns the width and height of the images, which the data alone decides.

    Raises:
        ValueError: If the number of pixels is no square.
    """
    pixels = transform_output.transformed_feature_spec()[_transformed(IMAGE)].shape[0]
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise ValueError(
            f"Feature {IMAGE!r} holds {pixels} values; expected a square number of them, such as "
            "64 for 8x8 or 784 for 28x28 images. Crop or pad the images to squares."
        )
    return side


def _build_model(side: int) -> keras.Model:
    pixels = keras.Input(shape=(side * side,), name=_transformed(IMAGE))
    x = keras.layers.Reshape((side, side, 1))(pixels)
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu")(x)
    probabilities = keras.layers.Dense(CLASSES, activation="softmax")(x)
    model = keras.Model(inputs={_transformed(IMAGE): pixels}, outputs=probabilities)
    model.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    return model


def _dataset(
    files: list[str],
    data_accessor: tfx.components.DataAccessor,
    transform_output: tft.TFTransformOutput,
) -> tf.data.Dataset:
    options = tfxio.TensorFlowDatasetOptions(
        batch_size=_BATCH_SIZE, label_key=_transformed(LABEL), shuffle_seed=_SEED
    )
    schema = transform_output.transformed_metadata.schema
    return data_accessor.tf_dataset_factory(files, options, schema).repeat()


def _serving_signatures(
    model: keras.Model, transform_output: tft.TFTransformOutput
) -> dict[str, Signature]:
    # A SavedModel keeps the resources of a layer only when the saved object owns it.
    model.tft_layer = transform_output.transform_features_layer()
    raw_features = transform_output.raw_feature_spec()
    serving_features = {key: spec for key, spec in raw_features.items() if key != LABEL}
    serialized_examples = [tf.TensorSpec([None], tf.string, name="examples")]

    @tf.function(input_signature=serialized_examples)
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = model.tft_layer(tf.io.parse_example(examples, serving_features))
        return {"probabilities": model(features)}

    @tf.function(input_signature=serialized_examples)
    def transform_features(examples: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return model.tft_layer(tf.io.parse_example(examples, raw_features))

    return {"serving_default": serve, "transform_features": transform_features}
