"""The ranges of a quantized model's inputs and outputs."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class ValueRange:
    """The values of a float input in the calibration sample, or those that an output can have.

    Attributes:
        min: The smallest value.
        max: The largest value.
    """

    min: float
    max: float


def range_warnings(ranges: Mapping[str, ValueRange]) -> list[str]:
    """Warnings about inputs that have only one value, or no value."""
    return [
        f"Feature {name!r} has {_only(found)} in the whole calibration sample, so that its "
        "quantization has no range to go by. Check the data, or sample other splits."
        for name, found in ranges.items()
        if found.min >= found.max
    ]


def _only(found: ValueRange) -> str:
    return f"the value {found.min:g}" if found.min == found.max else "no value"
