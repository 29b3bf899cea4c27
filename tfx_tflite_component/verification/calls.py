"""The inputs for the two models: real examples or random inputs."""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import ExamplesError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.variables import assigns_variables
from tfx_tflite_component.samples.feed import call
from tfx_tflite_component.samples.missing_features import explained
from tfx_tflite_component.samples.random_examples import Magnitude, RandomValues
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.tensorflow_errors import reason
from tfx_tflite_component.tflite.interpreter import Arrays

_BATCH_SIZE = 32
_RANDOM_EXAMPLES = 16
_EXAMPLES_OF_OPEN_SIZE = 4
_STATEFUL_CALLS = 3
_MAX_WORDS = 1000
# ops that read a format out of strings
_DECODING = re.compile(r"base64|decode|image|jpeg|png|proto|json|csv", re.IGNORECASE)

# Sizes of open dimensions: unequal ones first, as a model may be wrong at those only. Each is tried
# until the SavedModel accepts three; most models take the first.
_WANTED_SIZES = 3
_SEQUENCES = [(17,), (40,), (128,), (1000,), (16000,), (8,), (4,), (2,), (1,)]
_IMAGES = [
    *[(17, 23), (32, 48), (64, 40), (96, 160), (224, 192)],
    *[(32, 32), (64, 64), (17, 17), (224, 224), (8, 8), (4, 4), (2, 2), (1, 1)],
]


@dataclasses.dataclass(frozen=True)
class Call:
    """The inputs of one call, twice.

    Attributes:
        given: As the signature takes them.
        taken: As the tail takes them.
        count: The number of examples; the rows after them only pad a fixed batch.
        is_unusual: Whether they are random ones of an unusual magnitude.
    """

    given: Arrays
    taken: Arrays
    count: int
    is_unusual: bool = False


@dataclasses.dataclass(frozen=True)
class Answered:
    """A call and what the SavedModel returned for it."""

    call: Call
    expected: dict[str, np.ndarray]


def answered_calls(
    signature: ConcreteFunction, split: Split, examples: Sequence[bytes] | None
) -> Iterator[Answered]:
    """The calls to compare the two models on, in their order, with the SavedModel's outputs.

    A signature that assigns variables gets at least three calls, all of one shape: the interpreter
    starts anew at another one.

    Args:
        signature: The signature of the SavedModel.
        split: The signature's two parts.
        examples: Serialized `tf.Example`s; None for random inputs.

    Raises:
        ExamplesError: The head or the SavedModel refuses the examples, or all random inputs, or
            there is no example.
    """
    is_stateful = assigns_variables(signature)
    if examples is None:
        yield from _random_answers(signature, split, is_stateful)
        return
    if not examples:
        raise ExamplesError("There is no example to compare the TFLite model on.")
    size = min(_BATCH_SIZE, -(-len(examples) // _STATEFUL_CALLS)) if is_stateful else 0
    first = 0
    for found in batches(split, split.batch_size or size, examples):
        yield Answered(found, call(signature, found.given, "the SavedModel", first))
        first += found.count


def batches(split: Split, batch_size: int, examples: Sequence[bytes]) -> Iterator[Call]:
    """Examples as calls.

    Args:
        split: The signature's two parts.
        batch_size: The number of examples in each call, to which the last is filled up; 0 for any.
        examples: Serialized `tf.Example`s.

    Raises:
        ExamplesError: The head refuses the examples.
    """
    if split.head is None:
        raise ExamplesError(
            "The signature takes a tensor that no tf.Example can hold, so that the TFLite model "
            "cannot be compared on examples. If an input has several open sizes, fix them by "
            "`input_shapes`; or remove `examples` to compare on random inputs."
        )
    size = batch_size or _BATCH_SIZE
    for start in range(0, len(examples), size):
        batch = list(examples[start : start + size])
        padding = [batch[-1]] * (size - len(batch)) if batch_size else []
        serialized = {"examples": np.array(batch + padding, dtype=object)}
        try:
            given = call(split.head.feed, serialized, "the head", start)
            taken = call(split.head.function, serialized, "the head", start)
        except ExamplesError as e:
            raise explained(e, split, examples) from e.__cause__
        yield Call(given, taken, len(batch))


def open_sizes(split: Split) -> int:
    """The largest number of open dimensions of an input, besides the batch."""
    return max(
        sum(size is None for size in list(spec.shape)[name in split.batched :])
        for name, spec in split.tail.specs.items()
    )


def _random_answers(
    signature: ConcreteFunction, split: Split, is_stateful: bool
) -> Iterator[Answered]:
    """Random calls that the SavedModel accepts."""
    refusal: ExamplesError | None = None
    accepted = 0
    wanted = 1 if is_stateful or not _has_open_sizes(split) else _WANTED_SIZES
    for make in _random_calls(split):
        try:
            first = _answer(signature, make(0, Magnitude.USUAL))
        except ExamplesError as e:
            refusal = refusal or e
            continue
        if all(array.size == 0 for array in first.expected.values()):
            continue
        yield first
        if is_stateful:
            for seed in range(1, _STATEFUL_CALLS):
                yield _answer(signature, make(seed, Magnitude.USUAL))
            return
        if not accepted:
            yield from _unusual_answers(signature, make)
        accepted += 1
        if accepted == wanted:
            return
    if not accepted:
        raise ExamplesError(
            "The SavedModel cannot process the random inputs that the models are compared on "
            f"without `examples`: {_reason(refusal)} This says nothing about the TFLite model. "
            "Give `examples`"
            + (", or fix the sizes of the inputs by `input_shapes`." if wanted > 1 else ".")
        ) from refusal


def _reason(refusal: ExamplesError | None) -> str:
    if refusal is None:
        return "its outputs are empty for all."
    text = reason(refusal.__cause__) if isinstance(refusal.__cause__, Exception) else str(refusal)
    if _DECODING.search(text):
        text += ". Random strings cannot be decoded"
    return f"{text}."


def _answer(signature: ConcreteFunction, made: Call) -> Answered:
    return Answered(made, call(signature, made.given, "the SavedModel"))


def _unusual_answers(
    signature: ConcreteFunction, make: Callable[[int, Magnitude], Call]
) -> Iterator[Answered]:
    for magnitude in (Magnitude.SMALL, Magnitude.LARGE):
        try:
            answered = _answer(signature, make(0, magnitude))
        except ExamplesError:
            continue  # not every model takes any number
        yield Answered(dataclasses.replace(answered.call, is_unusual=True), answered.expected)


def _has_open_sizes(split: Split) -> bool:
    return split.boundary == Boundary.SIGNATURE and open_sizes(split) > 0


def _random_calls(split: Split) -> Iterator[Callable[[int, Magnitude], Call]]:
    """What makes random calls of a seed and a magnitude; one for each choice of open sizes."""
    words = _words(split)
    if split.boundary != Boundary.SIGNATURE:
        if split.head is None:
            raise ExamplesError(
                f"At the boundary {split.boundary.value}, the models can be compared only on "
                "tf.Examples, and the signature takes a tensor that no tf.Example can hold. Use "
                "input_boundary: SIGNATURE, where they are compared on random inputs."
            )
        if not split.features:
            raise ExamplesError(
                "The signature parses its examples in a way that does not show what they hold, so "
                "that no random ones can be made to compare the TFLite model on. Give `examples`."
            )
        yield functools.partial(_of_examples, split, words)
        return
    sizes: Sequence[tuple[int, ...]] = [()]
    if dimensions := open_sizes(split):
        sizes = _SEQUENCES if dimensions == 1 else _IMAGES
    for chosen in sizes:
        yield functools.partial(_of_tensors, split, words, chosen)


def _of_examples(split: Split, words: Sequence[bytes], seed: int, magnitude: Magnitude) -> Call:
    count = split.batch_size or _RANDOM_EXAMPLES
    examples = RandomValues(seed, magnitude, words).examples(split.features, count)
    (made,) = batches(split, count, examples)
    return made


def _of_tensors(
    split: Split,
    words: Sequence[bytes],
    sizes: tuple[int, ...],
    seed: int,
    magnitude: Magnitude,
) -> Call:
    values = RandomValues(seed, magnitude, words)
    count = split.batch_size or (_EXAMPLES_OF_OPEN_SIZE if sizes else _RANDOM_EXAMPLES)
    tensors: dict[str, np.ndarray] = {}
    for name, spec in split.tail.specs.items():
        # the same size in all inputs at each axis after the batch
        start = int(name in split.batched)

        def size(axis: int, start: int = start) -> int:
            return count if axis < start else sizes[(axis - start) % len(sizes)]

        tensors.update(values.tensors({name: spec}, size))
    given = {
        name: array.astype(np.int64) if name in split.narrowing.inputs else array
        for name, array in tensors.items()
    }
    return Call(given, tensors, count)


def _words(split: Split) -> list[bytes]:
    """Words of the vocabularies of both parts, for random strings."""
    modules = [split.tail.resources, *([split.head.resources] if split.head else [])]
    words: list[bytes] = []
    for table in (table for module in modules for table in module.tables_read):
        if table.key_dtype == tf.string:
            words += table.export()[0].numpy().tolist()[: _MAX_WORDS - len(words)]
    return words
