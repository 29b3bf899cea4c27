"""The chart of the errors of one output: examples by their largest error, on a log scale.

It is plain SVG, made by the page's template, because TFX's image has no library for plots.
"""

import dataclasses
import math
from collections.abc import Sequence

_BINS_PER_DECADE = 4
_MOST_DECADES = 8
WIDTH, HEIGHT = 720.0, 180.0
"""The size of the plot, in the units of the SVG."""


@dataclasses.dataclass(frozen=True)
class Bar:
    """A bar: how many examples have an error in a range.

    Attributes:
        low: The lowest error.
        high: The highest error.
        count: The number of examples.
        x: Where the bar begins.
        width: Its width.
        height: Its height.
    """

    low: float
    high: float
    count: int
    x: float
    width: float
    height: float


@dataclasses.dataclass(frozen=True)
class Tick:
    """A mark on an axis.

    Attributes:
        at: Where it is.
        label: What it says.
    """

    at: float
    label: str


@dataclasses.dataclass(frozen=True)
class Chart:
    """A histogram.

    Attributes:
        bars: The bars, of equal width on a log scale.
        exact: How many examples have no error, which a log scale cannot show.
        infinite: How many have an infinite error.
        ticks: The powers of ten on the axis of errors.
        most: The count at the top of the other axis.
        limit: Where the limit is; None if there is none, or it is outside of the chart.
    """

    bars: tuple[Bar, ...]
    exact: int
    infinite: int
    ticks: tuple[Tick, ...]
    most: int
    limit: float | None


def error_chart(errors: Sequence[float], limit: float | None) -> Chart:
    """The chart of an output's errors.

    Args:
        errors: The largest error in each example.
        limit: The largest error that is allowed, if there is a limit.
    """
    infinite = sum(not math.isfinite(error) for error in errors)
    finite = [error for error in errors if math.isfinite(error) and error > 0]
    exact = len(errors) - infinite - len(finite)
    if not finite:
        return Chart((), exact, infinite, (), 0, None)
    shown = [*finite, *([limit] if limit else [])]
    last = math.floor(math.log10(max(shown))) + 1
    first = max(math.floor(math.log10(min(shown))), last - _MOST_DECADES)
    counts = [0] * ((last - first) * _BINS_PER_DECADE)
    for error in finite:
        index = int((math.log10(error) - first) * _BINS_PER_DECADE)
        counts[min(max(index, 0), len(counts) - 1)] += 1
    width, most = WIDTH / len(counts), max(counts)

    def edge(index: int) -> float:
        return 10 ** (first + index / _BINS_PER_DECADE)

    def place(value: float) -> float:
        return (math.log10(value) - first) / (last - first) * WIDTH

    return Chart(
        bars=tuple(
            Bar(edge(i), edge(i + 1), count, i * width, width, count / most * HEIGHT)
            for i, count in enumerate(counts)
        ),
        exact=exact,
        infinite=infinite,
        ticks=tuple(Tick(place(10.0**p), f"1e{p}") for p in range(first, last + 1)),
        most=most,
        limit=min(max(place(limit), 0.0), WIDTH) if limit else None,
    )
