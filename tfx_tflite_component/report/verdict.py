"""What became of a model: the first thing that a page says."""

import dataclasses
import enum

from tfx_tflite_component.config import parse_config
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.verification.limits import failures, limits_of
from tfx_tflite_component.verification.measures import OutputComparison


class Verdict(str, enum.Enum):
    """What became of a model."""

    PASSED = "passed"
    WARNED = "published with a warning"
    REJECTED = "rejected"


@dataclasses.dataclass(frozen=True)
class Held:
    """A measure of an output, and the limit that it was held to.

    Attributes:
        measure: The measure, a field of `OutputComparison`.
        measured: Its value.
        limit: The limit; None if there is none.
        passes: Whether the value is within the limit.
    """

    measure: str
    measured: float
    limit: float | None
    passes: bool


def verdict(report: Report) -> Verdict:
    """What became of the model of a report."""
    config = _config(report)
    limits = config.verification
    exceeded = report.verification and failures(report.verification, limits, _is_float(config))
    if exceeded and limits.on_failure == config_pb2.Verification.FAIL:
        return Verdict.REJECTED
    is_doubtful = exceeded or report.warnings or report.verification is None
    return Verdict.WARNED if is_doubtful else Verdict.PASSED


def held(name: str, output: OutputComparison, report: Report) -> list[Held]:
    """The measures of an output with their limits, those without one included."""
    config = _config(report)
    limits = limits_of(name, output, config.verification, _is_float(config))
    found = []
    for measure, limit in limits.items():
        measured = getattr(output, measure)
        if measured is None:
            continue
        is_error = measure == "max_abs_error"
        passes = limit is None or (measured <= limit if is_error else measured >= limit)
        found.append(Held(measure, measured, limit, passes))
    return found


def _config(report: Report) -> config_pb2.TFLiteRewriterConfig:
    config = config_pb2.TFLiteRewriterConfig()
    parse_config(report.config, config, "docs/config.md")
    return config


def _is_float(config: config_pb2.TFLiteRewriterConfig) -> bool:
    return config.quantization.mode == config_pb2.Quantization.NONE
