"""The verdict on a model: the first thing on the page."""

import dataclasses
import enum

from tfx_tflite_component.report.schema import Report, SignatureReport
from tfx_tflite_component.verification import measures
from tfx_tflite_component.verification.measures import Check, OutputComparison

_ALWAYS_SHOWN = ("max_abs_error", "argmax_agreement", "sqnr_db")


class Verdict(str, enum.Enum):
    """The verdict on a model."""

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
    """The verdict on the model of a report."""
    compared = [signature.verification for signature in report.signatures]
    exceeded = any(one is not None and one.verdict is measures.Verdict.FAILED for one in compared)
    if exceeded and report.config.get("verification", {}).get("on_failure") != "WARN":
        return Verdict.REJECTED
    return Verdict.WARNED if report.warnings or None in compared else Verdict.PASSED


def held(name: str, output: OutputComparison, report: Report | SignatureReport) -> list[Held]:
    """The measures of an output with their limits, and the main ones without a limit."""
    checks = report.verification.checks if report.verification else ()
    found = [_held(check) for check in checks if check.output == name]
    limited = {entry.measure for entry in found}
    for measure in _ALWAYS_SHOWN:
        measured = getattr(output, measure)
        if measure not in limited and measured is not None:
            found.append(Held(measure, measured, None, passes=True))
    return found


def _held(check: Check) -> Held:
    return Held(check.figure, check.measured, check.limit, passes=check.margin >= 0)
