"""What a rewriting did, as JSON and as a page to look at."""

import dataclasses
import math
import pathlib
import re
import resource
from collections.abc import Mapping, Sequence
from typing import Any

import google.protobuf
import tensorflow as tf

from tfx_tflite_component import __version__
from tfx_tflite_component.config import as_json
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.quantization.calibration import InputRange, RepresentativeDataset
from tfx_tflite_component.rewriting.boundary_search import Conversion
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.tflite.interpreter import TensorDetails, TFLiteModel
from tfx_tflite_component.tflite.signatures import Tensor
from tfx_tflite_component.verification.latency import Latency
from tfx_tflite_component.verification.measures import Verification

SCHEMA_VERSION = 1
"""The version of the JSON form; it grows when a field is removed or changes its meaning."""

_HIGH_WATER = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class CalibrationReport:
    """The calibration.

    Attributes:
        splits: The splits of the examples that were sampled.
        num_examples: How many examples.
        seed: The seed of the sample.
        ranges: What values each float input took.
    """

    splits: tuple[str, ...]
    num_examples: int
    seed: int
    ranges: dict[str, InputRange]


@dataclasses.dataclass(frozen=True)
class Report:
    """What a rewriting did.

    Attributes:
        signature_key: The signature of the SavedModel.
        boundary: Where it was split.
        boundary_reason: Why there, and why at no earlier boundary.
        config: The config, with the defaults filled in.
        source_size_bytes: The size of the SavedModel.
        inputs: The inputs of the model; None for a model that cannot be run here.
        outputs: Its outputs, likewise.
        dropped_checks: The assertions of the signature that the model leaves out.
        lowered: The ops that each lowering rewrote, by the lowering's name.
        model: What the file `tflite` holds.
        calibration: The calibration; None for modes without one.
        verification: The comparison with the SavedModel; None for a model that cannot be run here.
        latency: How fast it is here; None for a model that cannot be run here.
        files: The names of the files and folders that are served: the model, and what is beside it.
        peak_memory_bytes: The largest resident memory of the process that converted and verified.
        warnings: What a user should know.
        versions: The version of each library that had a part in it.
        schema_version: `SCHEMA_VERSION`.
    """

    signature_key: str
    boundary: Boundary
    boundary_reason: str
    config: dict[str, Any]
    source_size_bytes: int
    inputs: dict[str, Tensor] | None
    outputs: dict[str, Tensor] | None
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


def make_report(
    source: pathlib.Path,
    serving_dir: pathlib.Path,
    config: TFLiteRewriterConfig,
    conversion: Conversion,
    model: TFLiteModel | None,
    verification: Verification | None,
    latency: Latency | None,
    warnings: Sequence[str],
) -> Report:
    """Brings together what each step of a rewriting found."""
    split = conversion.split
    return Report(
        signature_key=config.signature_key,
        boundary=split.boundary,
        boundary_reason=split.reason,
        config=as_json(config),
        source_size_bytes=sum(file.stat().st_size for file in source.rglob("*") if file.is_file()),
        inputs=_tensors(model.inputs) if model else None,
        outputs=_tensors(model.outputs) if model else None,
        dropped_checks=split.checks,
        lowered=dict(split.lowered),
        model=conversion.found,
        calibration=_calibration(config, conversion.dataset) if conversion.dataset else None,
        verification=verification,
        latency=latency,
        files=tuple(sorted(entry.name for entry in serving_dir.iterdir())),
        peak_memory_bytes=_peak_memory_bytes(),
        warnings=tuple(warnings),
        versions={
            "tfx-tflite-component": __version__,
            "tensorflow": tf.__version__,
            "protobuf": google.protobuf.__version__,
        },
    )


def _peak_memory_bytes() -> int:
    found = _HIGH_WATER.search(pathlib.Path("/proc/self/status").read_text())
    # getrusage counts what the process was forked from as well, but sandboxes may have nothing else
    return 1024 * int(found[1] if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _tensors(details: Mapping[str, TensorDetails]) -> dict[str, Tensor]:
    return {
        name: Tensor(
            dtype=tf.dtypes.as_dtype(detail.dtype).name,
            shape=detail.shape,
            scales=tuple(detail.scales.tolist()),
            zero_points=tuple(detail.zero_points.tolist()),
        )
        for name, detail in details.items()
    }


def _calibration(config: TFLiteRewriterConfig, dataset: RepresentativeDataset) -> CalibrationReport:
    return CalibrationReport(
        splits=tuple(config.calibration.splits),
        num_examples=dataset.num_examples,
        seed=config.calibration.seed,
        ranges=dataset.ranges,
    )


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON: dataclasses as objects."""
    return plain(dataclasses.asdict(report))


def plain(value: Any) -> Any:
    """A value as strict JSON has it: tuples as lists, infinities and NaN as strings."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
