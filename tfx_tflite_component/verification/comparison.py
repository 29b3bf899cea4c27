"""The result of comparing two models."""

import dataclasses

from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.verification.measures import Verification


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        boundary: Where the SavedModel's signature was split to feed the TFLite model; None for two
            TFLite models.
        verification: The comparison of each output.
        failures: The limits that were exceeded, as text; empty if the models agree.
        warnings: Poor figures that exceed no limit, as text.
    """

    boundary: Boundary | None
    verification: Verification
    failures: list[str]
    warnings: list[str]
