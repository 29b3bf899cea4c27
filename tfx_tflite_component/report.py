"""What a rewriting did."""

import dataclasses

from tfx_tflite_component.inspection import Inspection
from tfx_tflite_component.verification import Verification


@dataclasses.dataclass(frozen=True)
class Report:
    """What a rewriting did.

    Attributes:
        boundary: Where the signature was split.
        boundary_reason: Why there.
        quantization: The mode of quantization.
        inputs: Dtype and shape of each input of the model, in words.
        dropped_checks: The assertions of the signature that the model leaves out.
        model: What the file `tflite` holds.
        verification: The comparison with the SavedModel; None for a model with custom ops, which
            cannot be run here.
        tensorflow_version: The version that converted.
    """

    boundary: str
    boundary_reason: str
    quantization: str
    inputs: dict[str, str]
    dropped_checks: tuple[str, ...]
    model: Inspection
    verification: Verification | None
    tensorflow_version: str
