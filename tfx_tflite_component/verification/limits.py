"""Checks the measured figures against the limits of the config or the defaults."""

import dataclasses
import decimal
import math
from collections.abc import Callable, Collection, Iterator, Sequence

from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.verification.measures import (
    Check,
    OutputComparison,
    Verdict,
    Verification,
)

FLOAT_TOLERANCE = 1e-3
"""The default for float outputs of float models: the largest `relative_error`."""

HALF_SQNR_FLOORS = {"float16": 30.0, "bfloat16": 12.0}
"""The smallest `sqnr_db` of float models of a SavedModel that itself rounds to 16-bit floats."""

SQNR_FLOOR, SQNR_GOOD = 10.0, 20.0
"""The smallest `sqnr_db` of quantized models, in decibels, and the smallest without a warning."""

AGREEMENT_FLOOR, AGREEMENT_GOOD = 0.8, 0.95
"""The same for `argmax_agreement`, `top_k_overlap`, and `equal_share` of outputs other than
floats."""

CONSTANT_COLUMNS = 0.1
"""The largest share of columns that may become constant, of those that vary."""

_CONSTANT_TOLERANCE = 10.0
_LARGEST = ("max_abs_error", "relative_error", "constant_columns")
_FIELDS = {
    "max_abs_error": "max_abs_error",
    "argmax_agreement": "min_argmax_agreement",
    "sqnr_db": "min_sqnr_db",
}


@dataclasses.dataclass(frozen=True)
class Judgment:
    """The result of checking a comparison against its limits.

    Attributes:
        verification: The comparison, with verdict and checks.
        failures: The limits that were exceeded, as text; empty if there are none.
        warnings: Poor results within the limits, as text.
    """

    verification: Verification
    failures: list[str]
    warnings: list[str]


def judge(verification: Verification, limits: config_pb2.Verification, is_float: bool) -> Judgment:
    """Checks each figure against its limit.

    Args:
        verification: What was measured.
        limits: The limits of the config.
        is_float: Whether nothing of the model is quantized.

    Raises:
        ConfigError: A limit is set for an output that does not exist, or that has no such figure.
    """
    _check_applicable(verification, limits)
    checks, failures, warnings = [], [], []
    for name, output in verification.outputs.items():
        found = _checks(name, output, limits, is_float, verification.precision)
        checks += found
        place = _output(name, output)
        failures += [place + _failure(check, output) for check in found if not _passes(check)]
        if not is_float and all(map(_passes, found)):
            warnings += [place + text for text in _poor(output, found)]
        if not output.num_compared:
            warnings.append(f"{place}no value is finite in both models, so nothing was compared")
    warnings += _kernel_warnings(verification)
    verdict = Verdict.FAILED if failures else Verdict.WARNED if warnings else Verdict.PASSED
    judged = dataclasses.replace(verification, verdict=verdict, checks=tuple(checks))
    return Judgment(judged, failures, warnings)


def failures(
    verification: Verification, limits: config_pb2.Verification, is_float: bool
) -> list[str]:
    """The limits that were exceeded, as text; arguments and errors as for `judge`."""
    return judge(verification, limits, is_float).failures


def exceeded(verification: Verification, limits: config_pb2.Verification) -> list[str]:
    """What exceeds the limits that are set, as text; the default ones count for NaN alone.

    Args:
        verification: What was measured.
        limits: The limits.

    Raises:
        ConfigError: As for `judge`.
    """
    outputs = verification.outputs
    return [
        _output(check.output, outputs[check.output]) + _failure(check, outputs[check.output])
        for check in judge(verification, limits, is_float=False).verification.checks
        if not _passes(check) and not (check.is_default and math.isfinite(check.measured))
    ]


def percent(share: float) -> str:
    """A share in percent, rounded down, so that only a complete share is 100%."""
    return f"{math.floor(round(share * 10_000, 6)) / 100:g}%"


def _output(name: str, output: OutputComparison) -> str:
    return f"output {name!r} ({output.dtype}): "


def _passes(check: Check) -> bool:
    # NaN is never within a limit
    return check.margin >= 0


def _checks(
    name: str,
    output: OutputComparison,
    limits: config_pb2.Verification,
    is_float: bool,
    precision: str,
) -> list[Check]:
    """Each figure of an output that is judged, with its limit."""
    if math.isinf(output.max_abs_error):
        return [Check(name, "max_abs_error", math.inf, math.inf, True, -math.inf, True)]
    own = limits.outputs.get(name)

    def limit(figure: str) -> float | None:
        field = _FIELDS.get(figure)
        for source in (own, limits):
            # strings and booleans are equal or not, whatever numbers may differ by
            is_held = output.is_numeric or figure != "max_abs_error" or source is own
            if field and source is not None and is_held and source.HasField(field):
                return getattr(source, field)
        return None

    configured = {figure: value for figure in _FIELDS if (value := limit(figure)) is not None}
    found = [_check(name, output, figure, value, False) for figure, value in configured.items()]
    if is_float and precision not in HALF_SQNR_FLOORS:
        defaults = _float_defaults(output, configured.keys())
    else:
        floor = HALF_SQNR_FLOORS[precision] if is_float else SQNR_FLOOR
        defaults = _quantized_defaults(output, configured.keys(), floor)
    for figure, value in defaults:
        found.append(_check(name, output, figure, value, True))
    return [check for check in found if not math.isnan(check.measured)]


def _check(
    name: str, output: OutputComparison, figure: str, limit: float, is_default: bool
) -> Check:
    measured = _measured(output, figure)
    is_upper = figure in _LARGEST
    margin = 0.0 if measured == limit else (limit - measured if is_upper else measured - limit)
    return Check(name, figure, limit, measured, is_upper, margin, is_default)


def _measured(output: OutputComparison, figure: str) -> float:
    """The value of a figure; NaN if the output has none."""
    if figure == "constant_columns":
        return len(output.constant_columns) / max(output.num_columns, 1)
    value = getattr(output, figure)
    return math.nan if value is None else float(value)


def _float_defaults(
    output: OutputComparison, configured: Collection[str]
) -> Iterator[tuple[str, float]]:
    if "max_abs_error" in configured:
        return
    if output.is_float:
        yield "relative_error", FLOAT_TOLERANCE
    else:
        yield "max_abs_error", 0.0


def _quantized_defaults(
    output: OutputComparison, configured: Collection[str], sqnr_floor: float
) -> Iterator[tuple[str, float]]:
    if output.top_k_overlap is not None:
        yield "top_k_overlap", AGREEMENT_FLOOR
        return
    if not output.is_float and (output.equal_share or 0) >= AGREEMENT_FLOOR:
        yield "equal_share", AGREEMENT_FLOOR
        return
    if not output.is_numeric:
        yield "equal_share", AGREEMENT_FLOOR
        return
    if "argmax_agreement" not in configured:
        yield "argmax_agreement", AGREEMENT_FLOOR
    if "sqnr_db" in configured:
        return
    if output.sqnr_db is None:
        # an output that does not vary has no signal
        yield "relative_error", _CONSTANT_TOLERANCE
        return
    yield "sqnr_db", sqnr_floor
    yield "constant_columns", CONSTANT_COLUMNS


def _poor(output: OutputComparison, checks: Sequence[Check]) -> Iterator[str]:
    """The figures of a quantized output that are within their limits, but poor."""
    defaults = {check.figure for check in checks if check.is_default}
    good = {
        "sqnr_db": SQNR_GOOD,
        **dict.fromkeys(["argmax_agreement", "top_k_overlap", "equal_share"], AGREEMENT_GOOD),
    }
    for check in checks:
        if check.figure in good.keys() & defaults and check.measured < good[check.figure]:
            yield f"{_described(check, output)}; a good model has {_limit(check, good)} or more"
    if "sqnr_db" not in defaults:
        return
    if output.constant_columns:
        yield _constant(output)
    # of class scores, those of rare classes are poor in any quantized model
    column = output.worst_column_sqnr_db
    if output.argmax_agreement is None and column is not None and column < SQNR_FLOOR:
        yield f"the SQNR of column {output.worst_column} is only {column:.1f} dB"
    tenth = output.worst_tenth_sqnr_db
    if tenth is not None and tenth < SQNR_FLOOR:
        yield f"the SQNR of the worst tenth of the examples is only {tenth:.1f} dB"


def _limit(check: Check, limits: dict[str, float]) -> str:
    return _value(check.figure, limits[check.figure])


def _kernel_warnings(verification: Verification) -> Iterator[str]:
    for name, difference in verification.kernel_differences.items():
        yield (
            f"output {name!r}: the kernels of XNNPACK, which most apps use, and TFLite's own "
            f"differ by {difference:.3g}; an app without XNNPACK gets "
            "other results"
        )


def _check_applicable(verification: Verification, limits: config_pb2.Verification) -> None:
    """Refuses limits that would apply to no output."""
    outputs = verification.outputs
    if unknown := sorted(limits.outputs.keys() - outputs.keys()):
        raise ConfigError(
            f"verification.outputs: the model has no output {listed(unknown)}; it has "
            f"{listed(outputs)}."
        )
    has_figure: dict[str, tuple[str, Callable[[OutputComparison], bool]]] = {
        "max_abs_error": ("numeric", lambda output: output.is_numeric),
        "min_sqnr_db": ("numeric", lambda output: output.is_numeric),
        "min_argmax_agreement": (
            "a float tensor [batch, two or more classes] of unsorted scores",
            lambda output: output.argmax_agreement is not None,
        ),
    }
    for field, (what, has) in has_figure.items():
        able = {name for name, output in outputs.items() if has(output)}
        if limits.HasField(field) and not able:
            raise ConfigError(f"verification.{field} is set, but no output is {what}. Remove it.")
        # a string or boolean has an error as well, which a limit of its own can be about
        own = {
            name
            for name, limit in limits.outputs.items()
            if limit.HasField(field) and field != "max_abs_error"
        }
        for name in sorted(own - able):
            raise ConfigError(
                f"verification.outputs[{name!r}].{field} is set, but the output is not {what}. "
                "Remove it."
            )


def _failure(check: Check, output: OutputComparison) -> str:
    """Text on a limit that was exceeded, and the limit that would have passed."""
    if math.isinf(output.max_abs_error) and check.figure == "max_abs_error":
        place = _place(output, output.worst_example)
        return f"NaN or infinite on one side only, {place}; no max_abs_error passes"
    text = _described(check, output)
    if check.figure == "constant_columns":
        return text
    bound = "at most" if check.is_upper else "at least"
    text += f", and the limit is {bound} {_value(check.figure, check.limit)}"
    if check.figure in ("max_abs_error", "relative_error"):
        return f"{text}; the smallest max_abs_error that passes is {_up(output.max_abs_error)}"
    if check.figure in _FIELDS:
        return f"{text}; the {_FIELDS[check.figure]} that passes is {_down(check.measured)}"
    return text


def _described(check: Check, output: OutputComparison) -> str:
    """A figure as text."""
    if check.figure == "constant_columns":
        return _constant(output)
    value = _value(check.figure, check.measured)
    return {
        "max_abs_error": f"differs by {value} {_place(output, output.worst_example)}",
        "relative_error": f"differs by {output.max_abs_error:.3g} "
        f"{_place(output, output.worst_example)}, and relative to what a column varies by up to "
        f"{value}",
        "sqnr_db": f"the SQNR is {value}",
        "argmax_agreement": f"the largest score agrees in {value} of the examples",
        "top_k_overlap": f"the ids agree in {value}",
        "equal_share": f"the values agree in {value}",
    }[check.figure]


def _constant(output: OutputComparison) -> str:
    columns = ", ".join(map(str, output.constant_columns[:10]))
    return (
        f"{len(output.constant_columns)} of {output.num_columns} columns vary in the SavedModel "
        f"and are constant in the TFLite model, so that their accuracy is lost: {columns}"
    )


def _place(output: OutputComparison, position: int) -> str:
    return f"at example {position}" if output.is_per_example else f"in call {position}"


def _value(figure: str, value: float) -> str:
    if figure == "sqnr_db":
        return f"{value:.1f} dB"
    if figure in ("argmax_agreement", "top_k_overlap", "equal_share"):
        return percent(value)
    return f"{value:.3g}"


def _up(value: float) -> str:
    """Four digits, rounded so that it passes as a largest value."""
    return _rounded(value, decimal.ROUND_CEILING)


def _down(value: float) -> str:
    return _rounded(value, decimal.ROUND_FLOOR)


def _rounded(value: float, rounding: str) -> str:
    return str(decimal.Context(prec=4, rounding=rounding).create_decimal(value))
