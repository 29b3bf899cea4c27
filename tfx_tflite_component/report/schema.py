"""The report: dataclasses that are written as JSON and read from it."""

import dataclasses
import enum
from typing import Any

from tfx_tflite_component.json_form import from_json, to_json
from tfx_tflite_component.quantization.outcome import Outcome
from tfx_tflite_component.quantization.ranges import ValueRange
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.computed_inputs import ComputedInput
from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.tflite.metadata import ModelMetadata
from tfx_tflite_component.tflite.signatures import Signature, Tensor
from tfx_tflite_component.verification.latency import Latency
from tfx_tflite_component.verification.measures import Verification

SCHEMA_VERSION = 2
"""The version of the JSON form; increased when a field is removed or changes its meaning."""


@dataclasses.dataclass(frozen=True)
class CalibrationReport:
    """The calibration.

    Attributes:
        splits: The splits of `examples` that were sampled.
        num_examples: The number of examples in the sample.
        seed: The seed of the sample.
        ranges: The range of values of each float input. Values beyond it are clipped, so errors are
            larger there.
        output_ranges: The range of values that each output can have, where it is made of integers.
            Values of the SavedModel beyond it are clipped.
    """

    splits: tuple[str, ...]
    num_examples: int
    seed: int
    ranges: dict[str, ValueRange]
    output_ranges: dict[str, ValueRange]


class Evidence(str, enum.Enum):
    """What shows that a 64-bit integer fits into 32 bits.

    GRAPH: the ops that compute it or read it. EXAMPLES: its values in the examples.
    """

    GRAPH = "GRAPH"
    EXAMPLES = "EXAMPLES"


@dataclasses.dataclass(frozen=True)
class NarrowedInteger:
    """An input or output that is int32 in the model, and int64 in the signature.

    Attributes:
        kind: "input" or "output".
        name: Its name.
        evidence: What shows that its values fit.
        min: The smallest value that the evidence allows.
        max: The largest value that the evidence allows.
    """

    kind: str
    name: str
    evidence: Evidence
    min: int
    max: int


@dataclasses.dataclass(frozen=True)
class InterfaceReport:
    """Which ways to run the model an app has, judging from the inputs, outputs and ops.

    Attributes:
        narrowed: The inputs and outputs that `interface.integers` INT32 made int32.
        compiled_model_obstacles: Why LiteRT's CompiledModel cannot run the model; empty if it can.
        gpu_obstacles: Why the GPU delegate cannot run the whole model, according to TensorFlow's
            analyzer and the open sizes; empty if it can.
    """

    narrowed: tuple[NarrowedInteger, ...]
    compiled_model_obstacles: tuple[str, ...]
    gpu_obstacles: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class SignatureReport:
    """What a report says about one of several signatures.

    Attributes:
        signature_key: Its key in the SavedModel and in the model.
        boundary: The boundary at which it was split.
        boundary_reason: Why it was split there and not at an earlier boundary.
        computed_inputs: The inputs that an app has to compute from features, by name.
        inputs: Its inputs by name.
        outputs: Its outputs by name.
        interface: Which ways to run a model with only this signature an app has.
        dropped_checks: Its assertions, which were left out of the model.
        lowered: The ops that each lowering rewrote, by the name of the lowering.
        calibration: The calibration; null for modes without calibration.
        search: What quantization.mode AUTO tried and chose; null for other modes.
        verification: The comparison with the SavedModel; null if Python's interpreter cannot run
            the signature.
        latency: The time per inference on the machine that converted the model; null if Python's
            interpreter cannot run the signature.
    """

    signature_key: str
    boundary: Boundary
    boundary_reason: str
    computed_inputs: dict[str, ComputedInput]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    interface: InterfaceReport
    dropped_checks: tuple[str, ...]
    lowered: dict[str, list[str]]
    calibration: CalibrationReport | None
    search: Outcome | None
    verification: Verification | None
    latency: Latency | None


@dataclasses.dataclass(frozen=True)
class Report:
    """The result of a conversion.

    With several signatures, what is about one of them is about the first; `further_signatures` has
    the others.

    Attributes:
        signature_key: The signature of the SavedModel that was converted.
        boundary: The boundary at which the signature was split.
        boundary_reason: Why it was split there and not at an earlier boundary.
        computed_inputs: The inputs that an app has to compute from features, by name. All others
            are features as the signature takes or parses them.
        config: The config, with the defaults filled in; fields as in
            `proto/tflite_rewriter.proto`.
        source_size_bytes: The total size of the SavedModel's files.
        inputs: The inputs of the model by name.
        outputs: The outputs of the model by name.
        interface: Which ways to run the model an app has.
        dropped_checks: The assertions of the signature that were left out of the model.
        lowered: The ops that each lowering rewrote, by the name of the lowering.
        model: The contents of the file `tflite`.
        calibration: The calibration; null for modes without calibration.
        search: What quantization.mode AUTO tried and chose; null for other modes.
        verification: The comparison with the SavedModel; null for a model that Python's interpreter
            cannot run: a model with custom ops or, from TensorFlow 2.20 on, with Select TF ops.
        latency: The time per inference on the machine that converted the model; null for a model
            that Python's interpreter cannot run.
        files: The names of the served files and folders: the model, and the files and folders
            beside it.
        peak_memory_bytes: The peak resident memory of the process that converted and verified the
            model.
        warnings: Warnings for the user, as text; they are also in the log.
        versions: The version of each library that was used.
        schema_version: The version of this form.
        confined: Whether the process that converted it could reach only the files of its task.
        app_files: The names of the files for an app that were written beside the report.
        metadata: The TFLite metadata in the model; null if the config asks for none.
        further_signatures: The signatures after the first, if `signature_keys` names several.
        snippets: The code that calls the model, by the name of its file.
    """

    signature_key: str
    boundary: Boundary
    boundary_reason: str
    computed_inputs: dict[str, ComputedInput]
    config: dict[str, Any]
    source_size_bytes: int
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    interface: InterfaceReport
    dropped_checks: tuple[str, ...]
    lowered: dict[str, list[str]]
    model: Inspection
    calibration: CalibrationReport | None
    search: Outcome | None
    verification: Verification | None
    latency: Latency | None
    files: tuple[str, ...]
    peak_memory_bytes: int
    warnings: tuple[str, ...]
    versions: dict[str, str]
    schema_version: int = SCHEMA_VERSION
    confined: bool = False
    app_files: tuple[str, ...] = ()
    metadata: ModelMetadata | None = None
    further_signatures: tuple[SignatureReport, ...] = ()
    snippets: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def signatures(self) -> tuple["Report | SignatureReport", ...]:
        """What is about one signature, for each: this report, and those of the further ones."""
        return (self, *self.further_signatures)

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
    """The result of `compare`.

    Attributes:
        boundary: Where the SavedModel's signature was split to feed the TFLite model; null for two
            TFLite models.
        verification: The comparison of each output.
        failures: The limits that were exceeded, as text; empty if the models agree.
        warnings: Poor results within the limits, as text.
        schema_version: The version of this form.
    """

    boundary: Boundary | None
    verification: Verification
    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    schema_version: int = SCHEMA_VERSION


@dataclasses.dataclass(frozen=True)
class InspectionReport:
    """The result of `inspect`.

    Attributes:
        model: The contents of the file.
        signatures: The inputs and outputs of each signature, by its key; one entry with an empty
            key if the file has no signature.
        schema_version: The version of this form.
    """

    model: Inspection
    signatures: dict[str, Signature]
    schema_version: int = SCHEMA_VERSION


@dataclasses.dataclass(frozen=True)
class Timing:
    """How fast a model is with a number of threads.

    Attributes:
        threads: The number of threads.
        latency: The latency.
    """

    threads: int
    latency: Latency


@dataclasses.dataclass(frozen=True)
class BenchmarkReport:
    """The result of `benchmark`.

    Attributes:
        timings: The latency for each number of threads and each batch size.
        schema_version: The version of this form.
    """

    timings: tuple[Timing, ...]
    schema_version: int = SCHEMA_VERSION
