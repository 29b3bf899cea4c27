"""Small models trained on transformed features, written as TFX's templates are."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

import tensorflow as tf
from models import EXAMPLES, QUICKLY, Tensors

Transform = Callable[[Tensors], Tensors]

FEATURES = {
    "text": tf.io.FixedLenFeature([], tf.string, ""),
    "x": tf.io.FixedLenFeature([2], tf.float32, [0.0, 0.0]),
}


@dataclasses.dataclass(frozen=True)
class Layer:
    """What `transform_features_layer()` is in a graph: a scope with a call of the transform graph.

    The scope's name is Keras', which gives a layer that of its class.
    """

    transform: tf.types.experimental.ConcreteFunction
    scope: str = "transform_features_layer"

    def __call__(self, features: Tensors) -> Tensors:
        """Applies the transform graph."""
        with tf.name_scope(self.scope):
            return self.transform(**features)


def trace(
    transform: Transform, features: Mapping[str, object]
) -> tf.types.experimental.ConcreteFunction:
    """The transform as a transform graph holds it: one function of parsed features."""
    parsed = tf.function(lambda examples: tf.io.parse_example(examples, features))
    specs = parsed.get_concrete_function(EXAMPLES).structured_outputs
    arguments = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name)
        if isinstance(spec, tf.TensorSpec)
        else spec
        for name, spec in specs.items()
    }
    return tf.function(lambda **given: transform(given), autograph=False).get_concrete_function(
        **arguments
    )


def save_trained(
    folder: pathlib.Path,
    transform: Transform,
    infer: Callable[[Tensors, Tensors], Tensors],
    features: Mapping[str, object] = FEATURES,
    saves_names: bool = True,
    module: tf.Module | None = None,
    scope: str = "transform_features_layer",
) -> pathlib.Path:
    """Saves what a Trainer does: a signature that parses, transforms and infers.

    Args:
        folder: Where to.
        transform: Parsed features into transformed ones.
        infer: Transformed and parsed features into outputs.
        features: What is parsed.
        saves_names: Whether a signature `transform_features` is saved as well, as stock Trainers
            do. The transform graph itself is saved beside the SavedModel.
        module: What the functions read.
        scope: The scope of the call of the transform graph.
    """
    module = module or tf.Module()
    traced = trace(transform, features)
    layer = Layer(traced, scope)

    @tf.function(input_signature=[EXAMPLES], autograph=False)
    def serve(examples: tf.Tensor) -> Tensors:
        parsed = tf.io.parse_example(examples, features)
        return infer(layer(parsed), parsed)

    @tf.function(input_signature=[EXAMPLES], autograph=False)
    def transform_features(examples: tf.Tensor) -> Tensors:
        return layer(tf.io.parse_example(examples, features))

    signatures = {"serving_default": serve}
    if saves_names:
        signatures["transform_features"] = transform_features
    tf.saved_model.save(module, str(folder), signatures=signatures, options=QUICKLY)
    graph = tf.Module()
    graph.transform_fn = traced
    graph.read = module
    path = folder.parent / "transform_graph" / "transform_fn"
    tf.saved_model.save(graph, str(path), options=QUICKLY)
    return folder
