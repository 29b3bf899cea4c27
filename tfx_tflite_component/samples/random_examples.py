"""Random inputs, to run a model on if there are no examples."""

import enum
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.samples.features import make_feature, serialized
from tfx_tflite_component.split.parse_ops import ParsedFeature

_WORDS = (b"", b"a", b"b", b"0", b"1")
_UNUSUAL_WORDS = (b"-1", b"1e9", "\u00fcber \u6f22\u5b57".encode(), b"Words, and a comma.")
_LARGE = 100.0
_SMALL = 1e-3


class Magnitude(enum.Enum):
    """How large random numbers are.

    USUAL floats are normal with a standard deviation of 1, and integers 0 or 1: small enough to be
    an index into anything. SMALL ones are a thousandth of that, and every second example is zero.
    LARGE ones are a hundred times that, and integers up to 100 of either sign.
    """

    USUAL = "usual"
    SMALL = "small"
    LARGE = "large"


class RandomValues:
    """A source of random values of any dtype."""

    def __init__(
        self,
        seed: int,
        magnitude: Magnitude = Magnitude.USUAL,
        words: Sequence[bytes] = (),
    ) -> None:
        """Starts a sequence of values.

        Args:
            seed: The same seed gives the same values.
            magnitude: How large they are.
            words: The model's own words, which strings are drawn from beside others.
        """
        self._random = np.random.default_rng(seed)
        self._magnitude = magnitude
        self._words = words

    def examples(self, features: Sequence[ParsedFeature], count: int) -> list[bytes]:
        """Serialized `tf.Example`s with values for every feature, one for a variable length.

        Args:
            features: The features.
            count: The number of examples.
        """
        # drawn feature by feature, so that every second example is zero in all features
        arrays = {
            feature.name: self.array(
                feature.dtype, [count, *(1 if size is None else size for size in feature.shape)]
            )
            for feature in features
        }
        dtypes = {feature.name: feature.dtype for feature in features}
        return [
            serialized({name: _feature(array[row], dtypes[name]) for name, array in arrays.items()})
            for row in range(count)
        ]

    def tensors(
        self, specs: Mapping[str, tf.TensorSpec], size: Callable[[int], int]
    ) -> dict[str, np.ndarray]:
        """An array for each input.

        Args:
            specs: The inputs.
            size: The size of a dimension that is open, by its axis.
        """
        return {
            name: self.array(
                spec.dtype,
                [size(axis) if known is None else known for axis, known in enumerate(spec.shape)],
            )
            for name, spec in specs.items()
        }

    def array(self, dtype: tf.DType, shape: Sequence[int]) -> np.ndarray:
        """An array of a dtype and shape."""
        if dtype == tf.string:
            return self._strings(shape)
        if dtype.is_bool:
            return self._random.integers(0, 2, size=shape).astype(np.bool_)
        values = self._integers(dtype, shape) if dtype.is_integer else self._floats(shape)
        if self._magnitude == Magnitude.SMALL and values.ndim:
            values[::2] = 0
        return values.astype(dtype.as_numpy_dtype)

    def _floats(self, shape: Sequence[int]) -> np.ndarray:
        factors = {Magnitude.SMALL: _SMALL, Magnitude.LARGE: _LARGE}
        return np.asarray(self._random.standard_normal(size=shape)) * factors.get(
            self._magnitude, 1.0
        )

    def _integers(self, dtype: tf.DType, shape: Sequence[int]) -> np.ndarray:
        low, high = 0, 2
        if self._magnitude == Magnitude.LARGE:
            low, high = (0 if dtype.is_unsigned else -int(_LARGE)), int(_LARGE)
        return np.asarray(self._random.integers(low, high, size=shape))

    def _strings(self, shape: Sequence[int]) -> np.ndarray:
        usual = [*_WORDS, *self._words]
        words = {
            Magnitude.SMALL: [b""],
            Magnitude.LARGE: [*_UNUSUAL_WORDS, *self._words],
        }.get(self._magnitude, usual)
        return np.asarray(self._random.choice(np.array(words, dtype=object), size=shape))


def _feature(array: np.ndarray, dtype: tf.DType) -> tf.train.Feature:
    # one string is no array
    return make_feature(np.asarray(array, dtype=object).ravel().tolist(), dtype)
