"""Compares measurements with the limits of the config."""

import decimal
import math
from collections.abc import Iterator

from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.verification.measures import OutputComparison, Verification

FLOAT_TOLERANCE = 1e-4
"""The default for float models: the largest error, relative to an output's largest magnitude or
to 1 where that is smaller."""


def percent(share: float) -> str:
    """A share in percent, rounded down, so that only a full share is 100%."""
    return f"{math.floor(round(share * 10_000, 6)) / 100:g}%"


def failures(
    verification: Verification, limits: config_pb2.Verification, is_float: bool
) -> list[str]:
    """The limits that were exceeded, as text.

    Args:
        verification: The measurements.
        limits: The limits of the config.
        is_float: Whether the model is a float model, which has a default limit.

    Raises:
        ConfigError: A limit is set for a missing output, or for an output without that measure.
    """
    unknown = sorted(limits.outputs.keys() - verification.outputs.keys())
    if unknown:
        raise ConfigError(
            f"verification.outputs: the model has no output {listed(unknown)}; it has "
            f"{listed(verification.outputs)}."
        )
    _check_applicable(verification, limits)
    found = []
    for name, output in verification.outputs.items():
        for failure in _output_failures(output, limits, limits.outputs.get(name), is_float):
            found.append(f"output {name!r} ({output.dtype}): {failure}")
    return found


def limits_of(
    name: str, output: OutputComparison, limits: config_pb2.Verification, is_float: bool
) -> dict[str, float | None]:
    """The limits that an output is held to, by the measures of `OutputComparison`.

    Args:
        name: The name of the output.
        output: What was measured.
        limits: The limits of the config.
        is_float: Whether the model is a float model, which has a default limit.
    """
    own = limits.outputs.get(name)
    return {
        "max_abs_error": _largest_error(output, limits, own, is_float),
        "argmax_agreement": _limit("min_argmax_agreement", limits, own),
        "sqnr_db": _limit("min_sqnr_db", limits, own),
    }


def _check_applicable(verification: Verification, limits: config_pb2.Verification) -> None:
    """Refuses limits that apply to no output."""
    for field, measure, what in [
        ("max_abs_error", "sqnr_db", "numeric"),
        (
            "min_argmax_agreement",
            "argmax_agreement",
            "[batch, two or more classes]",
        ),
        ("min_sqnr_db", "sqnr_db", "numeric"),
    ]:
        able = [name for name, o in verification.outputs.items() if getattr(o, measure) is not None]
        # strings and booleans also have an error, for which an output's own limit can be set
        asked = [
            name
            for name, own in limits.outputs.items()
            if own.HasField(field) and field != "max_abs_error"
        ]
        if limits.HasField(field) and not able:
            raise ConfigError(
                f"verification.{field} is set, but no output is {what}. Leave it out."
            )
        for name in set(asked) - set(able):
            raise ConfigError(
                f"verification.outputs[{name!r}].{field} is set, but it is not {what}. Leave it "
                "out."
            )


def _output_failures(
    output: OutputComparison,
    general: config_pb2.Verification,
    own: config_pb2.Limits | None,
    is_float: bool,
) -> Iterator[str]:
    largest = _largest_error(output, general, own, is_float)
    if math.isinf(output.max_abs_error):
        yield (
            f"NaN, or infinite in only one of the two, at example {output.worst_example}; no "
            "max_abs_error passes"
        )
    elif largest is not None and output.max_abs_error > largest:
        yield (
            f"differs by {output.max_abs_error:.3g} at example {output.worst_example}, allowed is "
            f"{largest:.3g}; the smallest max_abs_error that passes is {_up(output.max_abs_error)}"
        )
    agreement, least = output.argmax_agreement, _limit("min_argmax_agreement", general, own)
    if least is not None and agreement is not None and agreement < least:
        yield (
            f"the argmax is the same in {percent(agreement)} of the examples, "
            f"the limit is {percent(least)}; the min_argmax_agreement that passes is "
            f"{_down(agreement)}"
        )
    sqnr, least = output.sqnr_db, _limit("min_sqnr_db", general, own)
    if least is not None and sqnr is not None and sqnr < least:
        yield (
            f"the SQNR is {sqnr:.1f} dB, the limit is {least:.1f} dB; the min_sqnr_db that passes "
            f"is {_down(sqnr)}"
        )


def _limit(
    field: str, general: config_pb2.Verification, own: config_pb2.Limits | None
) -> float | None:
    """The limit of an output: its own, or else that of all outputs."""
    for limits in (own, general):
        if limits is not None and limits.HasField(field):
            return getattr(limits, field)
    return None


def _largest_error(
    output: OutputComparison,
    general: config_pb2.Verification,
    own: config_pb2.Limits | None,
    is_float: bool,
) -> float | None:
    """The largest error that an output may have; None if it may differ freely."""
    # strings and booleans match or do not match: the limit for numbers does not apply
    is_held = output.sqnr_db is not None or (own is not None and own.HasField("max_abs_error"))
    largest = _limit("max_abs_error", general, own) if is_held else None
    if largest is None and is_float:
        return FLOAT_TOLERANCE * max(1.0, output.magnitude)
    return largest


def _up(value: float) -> str:
    """Four digits, rounded so that it passes as a largest value."""
    return _rounded(value, decimal.ROUND_CEILING)


def _down(value: float) -> str:
    return _rounded(value, decimal.ROUND_FLOOR)


def _rounded(value: float, rounding: str) -> str:
    return str(decimal.Context(prec=4, rounding=rounding).create_decimal(value))
