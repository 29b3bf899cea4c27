"""The ranges of a model's inputs in the calibration sample."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class InputRange:
    """The values of a float input in the calibration sample.

    Attributes:
        min: The smallest value.
        max: The largest value.
    """

    min: float
    max: float


def range_warnings(ranges: Mapping[str, InputRange]) -> list[str]:
    """Warnings about inputs that have only one value, or no value."""
    return [
        f"Feature {name!r} has {_only(found)} in the whole calibration sample, so that its "
        "quantization has no range to go by. Check the data, or sample other splits."
        for name, found in ranges.items()
        if found.min >= found.max
    ]


def _only(found: InputRange) -> str:
    return f"the value {found.min:g}" if found.min == found.max else "no value"
