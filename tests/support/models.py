"""Builds small SavedModels, and the serialized `tf.Example`s to feed them with."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

Tensors = Mapping[str, tf.Tensor]

EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")
"""What the signature of a Trainer's model takes."""

QUICKLY = tf.saved_model.SaveOptions(experimental_skip_saver=True)
"""Halves the time of saving: without ops that only the loader of TF1 restores variables by."""


def example(**features: Sequence[object]) -> bytes:
    """A serialized `tf.Example`; the type of a feature is that of its first value."""
    return tf.train.Example(
        features=tf.train.Features(
            feature={name: _feature(values) for name, values in features.items()}
        )
    ).SerializeToString()


def save(
    folder: pathlib.Path,
    function: Callable[..., Tensors],
    *specs: tf.TensorSpec,
    module: tf.Module | None = None,
) -> pathlib.Path:
    """Saves a function as `serving_default`, with what the module holds."""
    return save_each(folder, {"serving_default": function}, *specs, module=module)


def save_each(
    folder: pathlib.Path,
    functions: Mapping[str, Callable[..., Tensors]],
    *specs: tf.TensorSpec,
    module: tf.Module | None = None,
) -> pathlib.Path:
    """Saves functions as the signatures of one SavedModel, with what the module holds."""
    signatures = {
        key: tf.function(function, input_signature=specs, autograph=False)
        for key, function in functions.items()
    }
    tf.saved_model.save(module or tf.Module(), str(folder), signatures=signatures, options=QUICKLY)
    return folder


def save_call(folder: pathlib.Path, model: Any, spec: tf.TensorSpec) -> pathlib.Path:
    """Saves the call of a Keras model as `serving_default`, with the variables that it uses.

    With the model itself, Keras 2 would trace every function of every layer, for many seconds.
    """
    call = tf.function(lambda x: {"y": model(x)}, input_signature=[spec], autograph=False)
    module = tf.Module()
    module.variables_of_model = call.get_concrete_function().variables
    return save(folder, call, spec, module=module)


def save_parsing(
    folder: pathlib.Path,
    features: Mapping[str, object],
    compute: Callable[[Tensors], Tensors],
    module: tf.Module | None = None,
) -> pathlib.Path:
    """Saves a function of parsed features, as a Trainer does."""
    return save(folder, parsing(features, compute), EXAMPLES, module=module)


def parsing(
    features: Mapping[str, object], compute: Callable[[Tensors], Tensors]
) -> Callable[[tf.Tensor], Tensors]:
    """A function of serialized examples that computes something of the features in them."""

    def serve(examples: tf.Tensor) -> Tensors:
        return compute(tf.io.parse_example(examples, features))

    return serve


def save_tf1(
    folder: pathlib.Path,
    build: Callable[[tf.Tensor], Tensors],
    initialize: Callable[[], tf.Operation] = tf.compat.v1.tables_initializer,
) -> pathlib.Path:
    """Saves a graph of serialized examples, as programs of TF1 do."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        examples = tf.compat.v1.placeholder(tf.string, [None])
        outputs = build(examples)
        session.run(tf.compat.v1.global_variables_initializer())
        session.run(initialize())
        tf.compat.v1.saved_model.simple_save(
            session,
            str(folder),
            inputs={"examples": examples},
            outputs=outputs,
            legacy_init_op=tf.compat.v1.tables_initializer(),
        )
    return folder


def _feature(values: Sequence[object]) -> tf.train.Feature:
    first = next(iter(values), None)
    if isinstance(first, str | bytes):
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
    if isinstance(first, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    if isinstance(first, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature()
