"""The inputs and outputs of a tail that are int32, and int64 in the signature."""

import dataclasses
from collections.abc import Mapping

from tfx_tflite_component.graph.integer_ranges import IntegerRange
from tfx_tflite_component.split.head import Head


@dataclasses.dataclass(frozen=True)
class Narrowing:
    """The inputs and outputs of a tail that are int32, and int64 in the signature.

    Attributes:
        inputs: The range of each such input that the graph proves; that of int64 if it proves none.
        outputs: Likewise of the outputs.
        head: Computes the tail's inputs as int64; None if there is no head.
    """

    inputs: Mapping[str, IntegerRange] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, IntegerRange] = dataclasses.field(default_factory=dict)
    head: Head | None = None


NOTHING_NARROWED = Narrowing()
