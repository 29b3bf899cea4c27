"""What the TFLite metadata of a model says: the config's, and what the model's graph shows."""

import dataclasses
import pathlib
from collections.abc import Mapping

import tensorflow as tf

from tfx_tflite_component.app.image_input import image_input
from tfx_tflite_component.app.model_labels import model_labels
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.graph.flat_graph import flatten
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Metadata
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.split.tail import Tail
from tfx_tflite_component.tflite.graph_io import read_graph_ios
from tfx_tflite_component.tflite.metadata import ModelMetadata, TensorMetadata, with_metadata


def describe(parts: Split, config: Metadata) -> ModelMetadata:
    """Describes the model of a tail.

    Args:
        parts: The signature with its tail.
        config: The config's metadata, with `labels` instead of `labels_file`.

    Returns:
        The metadata, with inputs and outputs in any order.

    Raises:
        ConfigError: The config does not fit the model.
    """
    image = image_input(parts.tail, config)
    outputs = _outputs(parts.tail)
    labels = tuple(config.labels) or model_labels(flatten(parts.signature))
    labeled = [name for name, spec in outputs.items() if _fits(spec, len(labels))]
    if config.labels and not labeled:
        raise _no_output(outputs, len(labels))
    return ModelMetadata(
        name=config.name,
        description=config.description,
        version=config.version,
        author=config.author,
        license=config.license,
        inputs=tuple(
            image if image and image.name == name else TensorMetadata(name)
            for name in parts.tail.specs
        ),
        outputs=tuple(
            TensorMetadata(name, labels=labels if name in labeled else ()) for name in outputs
        ),
    )


def metadata_warnings(metadata: ModelMetadata) -> list[str]:
    """Warnings about what the metadata leaves out."""
    return [
        f"The metadata does not say how to normalize {image.name!r}, because the model does not "
        "show which values it takes, and MediaPipe's ImageClassifier refuses such a model. Set "
        "metadata.mean and metadata.std: an app passes (pixel - mean) / std to the model."
        for image in metadata.inputs
        if image.color_space is not None and not image.mean
    ]


def write_metadata(path: pathlib.Path, metadata: ModelMetadata) -> ModelMetadata:
    """Writes metadata into a `.tflite` file.

    Args:
        path: The file, with one signature.
        metadata: The metadata, with the file's inputs and outputs in any order.

    Returns:
        The metadata, with them in the order of the file.
    """
    (io,) = read_graph_ios(path)
    inputs = {tensor.name: tensor for tensor in metadata.inputs}
    outputs = {tensor.name: tensor for tensor in metadata.outputs}
    ordered = dataclasses.replace(
        metadata,
        inputs=tuple(inputs[name] for name in io.inputs),
        outputs=tuple(outputs[name] for name in io.outputs),
    )
    path.write_bytes(with_metadata(path.read_bytes(), ordered))
    return ordered


def _outputs(tail: Tail) -> dict[str, tf.TensorSpec]:
    """The shape and dtype of each output, by the model's names."""
    made = tail.function.structured_outputs
    return {name: made[plain] for plain, name in tail.output_names.items()}


def _fits(spec: tf.TensorSpec, count: int) -> bool:
    return spec.dtype != tf.string and bool(spec.shape.rank) and spec.shape[-1] == count


def _no_output(outputs: Mapping[str, tf.TensorSpec], count: int) -> ConfigError:
    found = ", ".join(f"{name!r} {spec.dtype.name} {spec.shape}" for name, spec in outputs.items())
    return ConfigError(
        f"metadata.labels: there are {count} labels, but no output has numbers and a last "
        f"dimension of that size; the outputs are {found}. Give one label for each class, in the "
        "order of the classes."
    )
