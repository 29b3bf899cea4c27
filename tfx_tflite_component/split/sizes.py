"""The sizes of a tail's inputs: which have the batch dimension, and what the config fixes."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.errors import ConfigError, SplitError, listed

Specs = Mapping[str, tf.TensorSpec]
Shapes = Mapping[str, Sequence[int]]
"""The shape of some inputs; -1 leaves a size open."""


def batched_inputs(specs: Specs, batch_size: int = 0) -> frozenset[str]:
    """The inputs whose first dimension is the batch.

    The batch is the open first dimension that inputs share. Where no first dimension is open, it is
    the one of the given size, or else of the one size that all of them have.

    Args:
        specs: Shape and dtype of each input, as the signature has them.
        batch_size: The batch size that the config asks for; 0 if it does not.
    """
    first = {name: spec.shape[0] for name, spec in specs.items() if spec.shape.rank}
    opened = frozenset(name for name, size in first.items() if size is None)
    if opened:
        return opened
    if batch_size in first.values():
        return frozenset(name for name, size in first.items() if size == batch_size)
    is_shared = len(first) == len(specs) and len(set(first.values())) == 1
    return frozenset(first) if is_shared else frozenset()


def with_shapes(specs: Specs, shapes: Shapes) -> dict[str, tf.TensorSpec]:
    """Specs with the sizes that the config fixes.

    Args:
        specs: Shape and dtype of each input.
        shapes: `input_shapes` of the config; other names than those of inputs are passed over.

    Raises:
        ConfigError: A shape contradicts the signature's.
    """
    return {
        name: tf.TensorSpec(_merged(name, spec.shape, shapes[name]), spec.dtype)
        if name in shapes
        else spec
        for name, spec in specs.items()
    }


def check_shapes(specs: Specs, shapes: Shapes) -> None:
    """Refuses a shape for an input that does not exist.

    Raises:
        ConfigError: There is no such input.
    """
    if unknown := sorted(shapes.keys() - specs.keys()):
        raise ConfigError(
            f"input_shapes: the model has no input {listed(unknown)}; it has "
            f"{listed(sorted(specs))}."
        )


def fixed_batch(specs: Specs, batched: frozenset[str], batch_size: int) -> Specs:
    """Specs with their batch dimension fixed.

    Args:
        specs: Shape and dtype of each input.
        batched: The inputs with a batch dimension.
        batch_size: Its size; 0 leaves it as it is.

    Raises:
        SplitError: TFLite has no input of such a shape.
        ConfigError: The batch size contradicts the signature's.
    """
    for name, spec in specs.items():
        _check(name, spec.shape)
    if not batch_size:
        return dict(specs)
    if not batched:
        sizes = {name: tuple(spec.shape) for name, spec in specs.items()}
        raise ConfigError(
            f"batch_size: {batch_size} contradicts the signature, whose inputs have the shapes "
            f"{sizes}. Remove batch_size, or interface.batch: FIXED, which sets it to 1."
        )
    return {
        name: _sized(name, spec, batch_size) if name in batched else spec
        for name, spec in specs.items()
    }


def _sized(name: str, spec: tf.TensorSpec, batch_size: int) -> tf.TensorSpec:
    if spec.shape[0] not in (None, batch_size):
        raise ConfigError(
            f"batch_size: {batch_size} contradicts the signature, whose input {name!r} has shape "
            f"{tuple(spec.shape)}. Remove batch_size, or set it to {spec.shape[0]}."
        )
    return tf.TensorSpec([batch_size, *spec.shape[1:]], spec.dtype)


def _merged(name: str, shape: tf.TensorShape, asked: Sequence[int]) -> tf.TensorShape:
    try:
        return shape.merge_with([None if size < 0 else size for size in asked])
    except ValueError as e:
        raise ConfigError(
            f"input_shapes: {list(asked)} contradicts the signature, whose input {name!r} has the "
            f"shape {shape}. Fix open sizes only."
        ) from e


def _check(name: str, shape: tf.TensorShape) -> None:
    if shape.rank is None:
        raise SplitError(
            f"Input {name!r} has no known rank, and TFLite needs one. Set `input_shapes`, or give "
            "the serving function an input_signature with the shape."
        )
    if shape.rank and shape[0] == 0:
        raise SplitError(
            f"Input {name!r} has shape {tuple(shape)}, a batch of no example, so that there is "
            "nothing to infer from. Export a signature whose batch dimension is None."
        )
