"""Calibration: the head turns examples into the converter's representative dataset."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.errors import ConversionError, ExamplesError
from tfx_tflite_component.quantization.ranges import ValueRange
from tfx_tflite_component.samples.feed import RefusedExample, call
from tfx_tflite_component.samples.missing_features import explained
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.tflite.interpreter import Arrays

_HEAD_BATCH_SIZE = 32


class RepresentativeDataset:
    """The tail's inputs for a sample of examples, one batch at a time.

    Attributes:
        num_examples: The number of examples.
        ranges: The range of values of each float input.
    """

    def __init__(self, split: Split, examples: Sequence[bytes]) -> None:
        """Reads the sample once, to refuse values that would break the conversion.

        `-inf` crashes the converter, and NaN passes through it silently.

        Args:
            split: The split signature.
            examples: Serialized `tf.Example`s.

        Raises:
            ExamplesError: There are none, the head refuses them, or a value is not finite.
            ConversionError: The tail takes strings that the converter cannot be calibrated with.
        """
        if not examples:
            raise ExamplesError(
                "There is no example to calibrate with. Check the splits of `calibration`."
            )
        if split.head is None:
            raise ExamplesError(
                "The signature takes a tensor that no tf.Example can hold, so that it cannot be "
                "calibrated with examples. Use another quantization.mode, or export a signature "
                "that parses tf.Examples."
            )
        self._head = split.head.function
        self._examples = examples
        self._specs = split.tail.specs
        self._batched = split.batched
        self._split = split
        self._plain_names = {name: plain for plain, name in split.tail.input_names.items()}
        self.num_examples = len(examples)
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.ranges: dict[str, ValueRange] = {}
        for first, inputs in self._head_batches():
            for name, array in inputs.items():
                self._take_in(name, array, first)
                self._check_strings(name, array)

    def __call__(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """The batches, in the converter's form: by signature and by the tail's parameter names.

        The converter keeps the shapes of the first batch, so all batches are padded to the same
        shape.
        """
        for _, inputs in self._head_batches():
            count = min((len(inputs[name]) for name in self._batched), default=1)
            for index in range(count):
                batch = {
                    self._plain_names[name]: self._batch(name, array[index : index + 1])
                    if name in self._batched
                    else array
                    for name, array in inputs.items()
                }
                yield SIGNATURE_KEY, batch

    def _head_batches(self) -> Iterator[tuple[int, Arrays]]:
        # without a batch dimension, each example is a call
        size = _HEAD_BATCH_SIZE if self._batched else 1
        for first in range(0, self.num_examples, size):
            batch = np.array(self._examples[first : first + size], dtype=object)
            try:
                yield first, call(self._head, {"examples": batch}, "the head", first)
            except ExamplesError as e:
                raise explained(e, self._split, self._examples) from e.__cause__

    def _take_in(self, name: str, array: np.ndarray, first: int) -> None:
        largest = np.maximum(self._shapes.get(name, array.shape[1:]), array.shape[1:])
        self._shapes[name] = tuple(int(size) for size in largest)
        if not np.issubdtype(array.dtype, np.floating):
            return
        finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            position = int(finite.argmin())
            value = array[position][~np.isfinite(array[position])].flat[0]
            raise RefusedExample(
                f"Feature {name!r} is {value} in example {first + position} of the calibration "
                "sample; only finite values have a range. Remove such examples, or replace the "
                "value in the preprocessing.",
                self._examples[first + position],
            )
        known = self.ranges.get(name, ValueRange(np.inf, -np.inf))
        self.ranges[name] = ValueRange(
            min(known.min, float(array.min(initial=np.inf))),
            max(known.max, float(array.max(initial=-np.inf))),
        )

    def _check_strings(self, name: str, array: np.ndarray) -> None:
        strings = (self._specs[name].shape[0] or 1) * math.prod(self._shapes[name])
        if array.dtype == object and strings > 1:
            raise ConversionError(
                f"Input {name!r} takes {strings} strings in one inference; the TFLite converter "
                "can be calibrated with one at most. Leave out batch_size, have one string in the "
                "feature, or use a quantization.mode without calibration, such as DYNAMIC_RANGE."
            )

    def _batch(self, name: str, example: np.ndarray) -> np.ndarray:
        """One example padded to the common shape, repeated to fill a fixed batch size."""
        sizes = (1, *self._shapes[name])
        widths = [(0, size - found) for size, found in zip(sizes, example.shape, strict=True)]
        if any(width for _, width in widths):
            padding = b"" if example.dtype == object else 0
            example = np.pad(example, widths, constant_values=padding)
        if example.dtype == object:
            return _as_string(example)
        return np.repeat(example, self._specs[name].shape[0] or 1, axis=0)


def _as_string(example: np.ndarray) -> np.ndarray:
    """A single string in the converter's form: it reads the bytes of the array as one string."""
    (text,) = example.flat
    # NumPy allows strings of length zero only in fields
    return np.full(example.shape, text, dtype=[("text", f"S{len(text)}")])["text"]
