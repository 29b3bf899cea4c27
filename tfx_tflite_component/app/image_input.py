"""The image among the inputs of a model, and how an app's pixels become its values."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.graph.flat_graph import FlatGraph, flatten
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Metadata
from tfx_tflite_component.split.tail import Tail
from tfx_tflite_component.tflite.metadata import ColorSpace, TensorMetadata

_COLORS = {1: ColorSpace.GRAYSCALE, 3: ColorSpace.RGB}
_LARGEST_PIXEL = 255.0
# a model that scales pixels does so to [0, 1], to [-1, 1], or to a few standard deviations
_MOST_OF_A_SCALED_PIXEL = 10.0
_ELEMENTWISE = ("Cast", "Sub", "Add", "AddV2", "Mul", "RealDiv", "Div", "Reshape", "Transpose")


def image_input(tail: Tail, config: Metadata) -> TensorMetadata | None:
    """Describes the image input of a tail.

    Args:
        tail: The tail.
        config: The config's metadata.

    Returns:
        The only input that is an image; None if there is none, or several. Without `mean`, nothing
        shows how to normalize it.

    Raises:
        ConfigError: The config normalizes an image, and there is not exactly one, or one with
            another number of channels.
    """
    images = [name for name, spec in tail.specs.items() if _is_image(spec)]
    if len(images) != 1:
        if config.mean:
            raise _not_one_image(tail, len(images))
        return None
    (name,) = images
    channels = tail.specs[name].shape[-1]
    if len(config.mean) not in (0, 1, channels):
        raise ConfigError(
            f"metadata.mean has {len(config.mean)} numbers, but {name!r} has {channels} channels; "
            "expected one number, or one per channel."
        )
    described = TensorMetadata(name, _COLORS[channels], tuple(config.mean), tuple(config.std))
    if not config.mean and _takes_pixels(tail, name):
        return dataclasses.replace(described, mean=(0.0,), std=(1.0,))
    return described


def _not_one_image(tail: Tail, count: int) -> ConfigError:
    inputs = ", ".join(
        f"{name!r} {spec.dtype.name} {spec.shape}" for name, spec in tail.specs.items()
    )
    return ConfigError(
        f"metadata.mean is for a model with one image input, float or uint8, [batch, height, "
        f"width, 1 or 3]; this one has {count}: its inputs are {inputs}. Remove metadata.mean and "
        "metadata.std."
    )


def _is_image(spec: tf.TensorSpec) -> bool:
    return (
        spec.dtype in (tf.float32, tf.uint8)
        and spec.shape.rank == 4
        and spec.shape[1:].is_fully_defined()
        and spec.shape[-1] in _COLORS
    )


def _takes_pixels(tail: Tail, name: str) -> bool:
    """Whether an input takes pixels from 0 to 255: as integers, or because the tail scales them."""
    spec = tail.specs[name]
    if spec.dtype == tf.uint8:
        return True
    graph = flatten(tail.function)
    (given,) = (graph.inputs[plain] for plain, known in tail.input_names.items() if known == name)
    white = tf.fill([size or 1 for size in spec.shape], _LARGEST_PIXEL)
    (values,) = graph.evaluate([_last_elementwise(graph, given)], {given: white})
    return bool(np.abs(values).max() <= _MOST_OF_A_SCALED_PIXEL)


def _last_elementwise(graph: FlatGraph, tensor: str) -> str:
    """The end of the chain of elementwise ops that begins with a tensor."""
    while readers := [
        node.name
        for node in graph.nodes.values()
        if node.op in _ELEMENTWISE and tensor in graph.data_inputs(node)
    ]:
        tensor = readers[0]
    return tensor
