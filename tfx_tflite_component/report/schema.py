"""The report: dataclasses that are written as JSON and read from it."""

import dataclasses
from typing import Any

from tfx_tflite_component.json_form import from_json, to_json
from tfx_tflite_component.quantization.ranges import InputRange
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.tflite.signatures import Signature, Tensor
from tfx_tflite_component.verification.latency import Latency
from tfx_tflite_component.verification.measures import Verification

SCHEMA_VERSION = 2
"""The version of the JSON form; it grows when a field is removed or changes its meaning."""


@dataclasses.dataclass(frozen=True)
class CalibrationReport:
    """The calibration.

    Attributes:
        splits: The splits of `examples` that were sampled.
        num_examples: How many examples the sample has.
        seed: The seed of the sample.
        ranges: The values that each float input took.
    """

    splits: tuple[str, ...]
    num_examples: int
    seed: int
    ranges: dict[str, InputRange]


@dataclasses.dataclass(frozen=True)
class Report:
    """What a rewriting did.

    Attributes:
        signature_key: The signature of the SavedModel that was converted.
        boundary: Where it was split.
        boundary_reason: Why there, and why at no earlier boundary.
        config: The config, with the defaults filled in; fields as in
            `proto/tflite_rewriter.proto`.
        source_size_bytes: The size of the SavedModel, all its files together.
        inputs: The inputs of the model by name.
        outputs: The outputs of the model by name.
        dropped_checks: The assertions of the signature that the model leaves out.
        lowered: The ops that each lowering rewrote, by the lowering's name.
        model: What the file `tflite` holds.
        calibration: The calibration; null for modes without one.
        verification: The comparison with the SavedModel; null for a model that cannot be run here:
            one with custom ops or, from TensorFlow 2.20 on, with Select TF ops.
        latency: How fast the model is on the machine that converted it; null for a model that
            cannot be run here.
        files: The names of the files and folders that are served: the model, and those beside it.
        peak_memory_bytes: The largest resident memory of the process that converted and verified.
        warnings: What a user should know, in words; the log has them as well.
        versions: The version of each library that had a part in it.
        schema_version: The version of this form.
    """

    signature_key: str
    boundary: Boundary
    boundary_reason: str
    config: dict[str, Any]
    source_size_bytes: int
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    dropped_checks: tuple[str, ...]
    lowered: dict[str, list[str]]
    model: Inspection
    calibration: CalibrationReport | None
    verification: Verification | None
    latency: Latency | None
    files: tuple[str, ...]
    peak_memory_bytes: int
    warnings: tuple[str, ...]
    versions: dict[str, str]
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """The JSON form, as `report.json` has it."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Any) -> "Report":
        """Reads the JSON form.

        Raises:
            ValueError: It is not a report of this version.
        """
        return from_json(cls, data)


@dataclasses.dataclass(frozen=True)
class ComparisonReport:
    """What `compare` found.

    Attributes:
        boundary: Where the SavedModel's signature was split to feed the TFLite model.
        verification: The comparison of each output.
        failures: What exceeds the limits, in words; empty if the models agree.
        schema_version: The version of this form.
    """

    boundary: Boundary
    verification: Verification
    failures: tuple[str, ...]
    schema_version: int = SCHEMA_VERSION


@dataclasses.dataclass(frozen=True)
class InspectionReport:
    """What `inspect` found.

    Attributes:
        model: What the file holds.
        signatures: Its inputs and outputs, by signature; one without a key if the file has none.
        schema_version: The version of this form.
    """

    model: Inspection
    signatures: dict[str, Signature]
    schema_version: int = SCHEMA_VERSION
