"""The float model that every candidate is made from, and its observed tensor values."""

import dataclasses
import functools
from collections.abc import Callable, Collection

from tfx_tflite_component.quantization.percentile_ranges import percentile_ranges
from tfx_tflite_component.tensorflow_internals import Feeds, calibrate, quantize_int8
from tfx_tflite_component.tflite.lstm_states import start_anew, with_intermediates
from tfx_tflite_component.tflite.observation import Observation, observe

_PERCENTILE_RANGES = "PERCENTILE_RANGES"


@dataclasses.dataclass(frozen=True)
class FloatModel:
    """A float TFLite model, with the graph repairs that were made to it.

    Attributes:
        content: The content of the `.tflite` file.
        feeds: What to calibrate with.
        per_channel: Whether the weights of each channel get a scale of their own.
        repairs: The names of the repairs.
        leaves_out_outliers: Whether ranges leave out the examples that stretch them.
        for_16_bits: Makes the content of the file that 16-bit activations are made from, if that is
            another one.
    """

    content: bytes
    feeds: Feeds
    per_channel: bool = True
    repairs: tuple[str, ...] = ()
    leaves_out_outliers: bool = False
    for_16_bits: Callable[[], bytes] | None = None

    @functools.cached_property
    def observed(self) -> dict[str, Observation]:
        """What values its tensors take."""
        return observe(self.content, self.feeds())

    @functools.cached_property
    def calibrated(self) -> bytes:
        """The model with the ranges of its tensors."""
        calibrated = calibrate(with_intermediates(self.content), self.feeds)
        if self.leaves_out_outliers:
            return percentile_ranges(calibrated, self.observed)
        return calibrated

    def quantized(self, float_ops: Collection[str] = ()) -> bytes:
        """The model in 8-bit integers, except for the ops with these first output tensors."""
        quantized = quantize_int8(self.calibrated, self.per_channel, float_ops)
        return bytes(start_anew(quantized))

    def repaired(self, name: str, content: bytes) -> "FloatModel":
        """The model after one more repair."""
        return dataclasses.replace(self, content=content, repairs=(*self.repairs, name))

    @property
    def with_all_ranges(self) -> "FloatModel":
        """The model with ranges of all examples, and its graph repairs only."""
        repairs = tuple(name for name in self.repairs if name != _PERCENTILE_RANGES)
        return dataclasses.replace(self, leaves_out_outliers=False, repairs=repairs)

    def without_outliers(self) -> "FloatModel":
        """The model with ranges that leave out the examples that stretch them."""
        return dataclasses.replace(
            self, leaves_out_outliers=True, repairs=(*self.repairs, _PERCENTILE_RANGES)
        )
