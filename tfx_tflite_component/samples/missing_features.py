"""Explains why a head refuses examples: the features that they lack."""

from collections.abc import Sequence

import tensorflow as tf

from tfx_tflite_component.errors import ExamplesError, listed
from tfx_tflite_component.samples.feed import RefusedExample
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.parse_ops import Layout
from tfx_tflite_component.split.split import Split


def explained(error: ExamplesError, split: Split, examples: Sequence[bytes]) -> ExamplesError:
    """An error of the head in terms of the features that it needs and the examples hold.

    Args:
        error: The error.
        split: The signature's two parts.
        examples: All examples of the sample, serialized.

    Returns:
        An error that names what is missing. If nothing is missing, or a record is not a
        `tf.Example`, the same error.
    """
    needed = _needed(split)
    held = [names for names in map(_features, examples) if names is not None]
    if len(held) < len(examples):
        return error
    lacking = {name: sum(name not in names for names in held) for name in needed}
    everywhere = [name for name, count in lacking.items() if count == len(examples)]
    if everywhere:
        return _of_other_names(split, needed, everywhere, sorted(set().union(*held)))
    if missing := {name: count for name, count in lacking.items() if count}:
        counts = ", ".join(
            f"{name!r} in {count} of {len(examples)}" for name, count in missing.items()
        )
        return RefusedExample(
            f"Some examples lack features that the SavedModel has no default for: {counts}. Remove "
            "these examples, add the values, or export a signature that parses the features with a "
            "default_value.",
            error.record if isinstance(error, RefusedExample) else None,
        )
    return error


def _of_other_names(
    split: Split, needed: Sequence[str], missing: Sequence[str], held: Sequence[str]
) -> ExamplesError:
    takes = f"The signature takes {listed(needed)}, and the examples hold {listed(held)}"
    if split.boundary != Boundary.SIGNATURE:
        return ExamplesError(
            f"{takes}: {listed(missing)} is in none of them. Use the examples that the model was "
            "trained for, before any preprocessing that the signature does itself."
        )
    return ExamplesError(
        f"{takes}: {listed(missing)} is in none of them. The signature takes tensors: each input "
        "is read from the feature of its name. Set signature_key to a signature that parses "
        "tf.Examples, use examples with features of these names (those that Transform puts out, if "
        "the inputs are transformed features), or remove `examples` to compare on random inputs."
    )


def _needed(split: Split) -> list[str]:
    """The features without which an example is refused."""
    if split.boundary == Boundary.SIGNATURE and not split.features:
        return sorted(split.tail.specs)
    return [
        feature.name
        for feature in split.features
        if feature.layout == Layout.DENSE and not feature.default and None not in feature.shape
    ]


def _features(example: bytes) -> set[str] | None:
    """The features of an example that have values; None for a record that is not one."""
    try:
        features = tf.train.Example.FromString(example).features.feature
    except Exception:  # protobuf's errors differ between its implementations
        return None
    return {
        name
        for name, held in features.items()
        if held.bytes_list.value or held.float_list.value or held.int64_list.value
    }
