"""Combines the results of all steps into the report."""

import pathlib
import re
import resource
from collections.abc import Sequence

import google.protobuf
import tensorflow as tf

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.config import as_json
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.quantization.calibration import RepresentativeDataset
from tfx_tflite_component.quantization.ranges import ValueRange
from tfx_tflite_component.report.schema import (
    CalibrationReport,
    InterfaceReport,
    NarrowedInteger,
    Report,
    SignatureReport,
)
from tfx_tflite_component.rewriting.boundary_search import Conversion
from tfx_tflite_component.tflite.inspection import Inspection, inspect_signatures
from tfx_tflite_component.tflite.output_ranges import output_ranges
from tfx_tflite_component.tflite.readiness import compiled_model_obstacles, gpu_obstacles
from tfx_tflite_component.verification.latency import Latency
from tfx_tflite_component.verification.measures import Verification
from tfx_tflite_component.version import __version__

_HIGH_WATER = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)


def report_signature(
    path: pathlib.Path,
    config: TFLiteRewriterConfig,
    conversion: Conversion,
    verification: Verification | None,
    latency: Latency | None,
    narrowed: tuple[NarrowedInteger, ...],
) -> SignatureReport:
    """Builds the report of a signature.

    Args:
        path: The `.tflite` file with only this signature.
        config: The config, with the signature's key.
        conversion: The conversion.
        verification: The comparison; None for a model that Python's interpreter cannot run.
        latency: The latency; None for the same reason.
        narrowed: The inputs and outputs that are int32 instead of int64.
    """
    split = conversion.split
    signature = inspect_signatures(path)[SIGNATURE_KEY]
    return SignatureReport(
        signature_key=config.signature_key,
        boundary=split.boundary,
        boundary_reason=split.reason,
        computed_inputs=dict(split.computed),
        inputs=signature.inputs,
        outputs=signature.outputs,
        interface=InterfaceReport(
            narrowed,
            compiled_model_obstacles(signature, conversion.found.op_set),
            gpu_obstacles(signature, path),
        ),
        dropped_checks=split.checks,
        lowered=dict(split.lowered),
        calibration=_calibration(config, conversion.dataset, path) if conversion.dataset else None,
        search=conversion.search,
        verification=verification,
        latency=latency,
    )


def report_file(
    source: pathlib.Path,
    path: pathlib.Path,
    config: TFLiteRewriterConfig,
    model: Inspection,
    signatures: Sequence[SignatureReport],
    warnings: Sequence[str],
) -> Report:
    """Builds the report of a file.

    Args:
        source: The folder of the SavedModel.
        path: The `.tflite` file, in the folder of served files.
        config: The config, as `read_config` gives it.
        model: The contents of the file.
        signatures: The reports of its signatures, in order.
        warnings: Warnings for the user.
    """
    first, *further = signatures
    return Report(
        **vars(first),
        config=as_json(config),
        source_size_bytes=sum(file.stat().st_size for file in source.rglob("*") if file.is_file()),
        model=model,
        files=tuple(sorted(entry.name for entry in path.parent.iterdir())),
        peak_memory_bytes=_peak_memory_bytes(),
        warnings=tuple(warnings),
        versions={
            "tfx-tflite-component": __version__,
            "tensorflow": tf.__version__,
            "protobuf": google.protobuf.__version__,
        },
        further_signatures=tuple(further),
    )


def _calibration(
    config: TFLiteRewriterConfig, dataset: RepresentativeDataset, path: pathlib.Path
) -> CalibrationReport:
    return CalibrationReport(
        splits=tuple(config.calibration.splits),
        num_examples=dataset.num_examples,
        seed=config.calibration.seed,
        ranges=dataset.ranges,
        output_ranges={name: ValueRange(*found) for name, found in output_ranges(path).items()},
    )


def _peak_memory_bytes() -> int:
    found = _HIGH_WATER.search(pathlib.Path("/proc/self/status").read_text())
    # getrusage includes the memory of the parent before the fork, but sandboxes may offer nothing
    # else
    return 1024 * int(found[1] if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
