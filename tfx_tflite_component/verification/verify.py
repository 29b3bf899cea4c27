"""Runs a TFLite model and the SavedModel that it came from on the same inputs."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tfx_tflite_component.errors import ExamplesError, VerificationError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.samples.feed import call
from tfx_tflite_component.samples.random_examples import random_examples, random_tensors
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel
from tfx_tflite_component.verification.measures import Sums, Verification

_RANDOM_EXAMPLES = 16
_BATCH_SIZE = 32
_SEED = 0


@dataclasses.dataclass(frozen=True)
class Batch:
    """A batch of inputs, for both models.

    Attributes:
        given: The inputs of the signature.
        taken: The inputs of the tail.
        count: The number of examples; the rest of the batch is padding for a fixed batch size.
    """

    given: Arrays
    taken: Arrays
    count: int


def batches(split: Split, batch_size: int, examples: Sequence[bytes] | None) -> Iterator[Batch]:
    """The inputs on which the two models are run.

    Args:
        split: The signature's two parts.
        batch_size: The batch size of the TFLite model; 0 if it is dynamic.
        examples: Serialized `tf.Example`s; None for random inputs.

    Raises:
        ExamplesError: The head refuses the examples, or there are no examples.
    """
    if examples is None and split.boundary is Boundary.SIGNATURE:
        tensors = random_tensors(split.tail.specs, _RANDOM_EXAMPLES, _SEED)
        yield Batch(tensors, tensors, batch_size or _RANDOM_EXAMPLES)
        return
    if examples is None:
        examples = _random_examples(split)
    if split.head is None:
        raise ExamplesError(
            "The signature takes a tensor that no tf.Example can hold, so that the TFLite model "
            "cannot be compared on examples. Leave out the component's `examples` to compare it on "
            "random inputs."
        )
    size = batch_size or _BATCH_SIZE
    for start in range(0, len(examples), size):
        batch = list(examples[start : start + size])
        padding = [batch[-1]] * (size - len(batch)) if batch_size else []
        serialized = {"examples": np.array(batch + padding, dtype=object)}
        given = call(split.head.feed, serialized, "the head", start)
        taken = call(split.head.function, serialized, "the head", start)
        yield Batch(given, taken, len(batch))


def _random_examples(split: Split) -> list[bytes]:
    if not split.features:
        raise ExamplesError(
            "The signature parses its examples in a way that does not tell what they hold, so that "
            "no random ones can be made to compare the TFLite model on. Connect `examples`."
        )
    return random_examples(split.features, _RANDOM_EXAMPLES, _SEED)


def verify(
    signature: ConcreteFunction,
    split: Split,
    model: TFLiteModel,
    examples: Sequence[bytes] | None,
) -> Verification:
    """Runs the same inputs through the SavedModel, and through the head and the TFLite model.

    Args:
        signature: The signature of the SavedModel.
        split: The signature's two parts.
        model: The TFLite model converted from the tail.
        examples: Serialized `tf.Example`s; None for random inputs.

    Returns:
        The comparison of every output, however large the differences.

    Raises:
        ExamplesError: There are no examples, or the head or the SavedModel refuses them.
        VerificationError: The TFLite model cannot be run, or its outputs have other dtypes or
            shapes than the SavedModel's.
    """
    sums: dict[str, Sums] = {}
    count = 0
    for batch in batches(split, model.batch_size, examples):
        expected = call(signature, batch.given, "the SavedModel", count)
        actual = _run(model, batch.taken)
        for name in sorted(expected):
            _check_same_kind(name, expected[name], actual[name])
            added = sums.setdefault(name, Sums(expected[name].dtype))
            added.add(
                *(np.atleast_1d(array)[: batch.count] for array in (expected[name], actual[name]))
            )
        count += batch.count
    if not count:
        raise ExamplesError("There is no example to compare the TFLite model on.")
    return Verification(
        inputs="random inputs" if examples is None else "examples",
        num_examples=count,
        outputs={name: added.comparison() for name, added in sums.items()},
    )


def _run(model: TFLiteModel, inputs: Arrays) -> dict[str, np.ndarray]:
    try:
        return model(inputs)
    except (RuntimeError, ValueError) as e:
        raise VerificationError(
            f"The TFLite model cannot be run on what the SavedModel runs on: {e}. Nothing was "
            "published."
        ) from e


def _check_same_kind(name: str, expected: np.ndarray, actual: np.ndarray) -> None:
    found, wanted = (f"{array.dtype} {list(array.shape)}" for array in (actual, expected))
    if found != wanted:
        raise VerificationError(
            f"Output {name!r} of the TFLite model is {found}, the SavedModel's is {wanted}. "
            "Nothing was published."
        )
