"""Numbers as people read them."""

import math

_KILO = 1000
# the noise of an op that costs nothing
_NO_COST_DB = 60.0
_SHARES = ("argmax_agreement", "equal_share", "top_k_overlap", "constant_columns")
_SIZES = ("bytes", "kB", "MB", "GB")


def size(count: float) -> str:
    """A number of bytes, such as "22.5 kB"."""
    unit = 0
    while count >= _KILO and unit < len(_SIZES) - 1:
        count, unit = count / _KILO, unit + 1
    return f"{count:.3g} {_SIZES[unit]}" if unit else f"{count:,.0f} bytes"


def duration(milliseconds: float) -> str:
    """A time, such as "11 us"."""
    for unit, factor in (("s", 1e-3), ("ms", 1.0), ("us", 1e3)):
        if milliseconds * factor >= 1:
            return f"{milliseconds * factor:.3g} {unit}"
    return f"{milliseconds * 1e6:.3g} ns"


def number(value: float | str) -> str:
    """A figure with four digits; infinities and NaN are words already."""
    return value if isinstance(value, str) else f"{value:.4g}"


def cost_color(sqnr_db: float) -> str:
    """The CSS color of an op that costs so much: the redder, the lower the SQNR."""
    if math.isnan(sqnr_db):
        sqnr_db = 0.0
    share = 1 - min(max(sqnr_db / _NO_COST_DB, 0.0), 1.0)
    return f"color-mix(in srgb, var(--bad) {100 * share:.0f}%, var(--green))"


def measure(name: str, value: float) -> str:
    """A measure of a comparison with its unit.

    Args:
        name: A field of `OutputComparison`.
        value: Its value.
    """
    if name in _SHARES:
        return f"{100 * value:.2f}%"
    return f"{value:.4g} dB" if name == "sqnr_db" else f"{value:.4g}"


def margin(name: str, measured: float, limit: float) -> str:
    """How far a measure is from its limit, such as "12 times below" or "3.1 dB above"."""
    if name in ("max_abs_error", "relative_error", "constant_columns"):
        if not measured:
            return "within rounding" if name == "relative_error" else "no difference"
        if not limit or math.isinf(measured):
            return "above"
        ratio = limit / measured
        return f"{ratio:.3g} times below" if ratio >= 1 else f"{1 / ratio:.3g} times above"
    difference = abs(measured - limit)
    side = "above" if measured >= limit else "below"
    if name in _SHARES:
        return f"{100 * difference:.2f} points {side}"
    return f"{difference:.3g} dB {side}"
