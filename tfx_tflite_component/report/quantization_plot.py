"""The plot of size against quality: where the candidates of a search lie, as SVG coordinates."""

import dataclasses
import math
from collections.abc import Sequence

from tfx_tflite_component.quantization.outcome import Outcome, Trial

WIDTH, HEIGHT, MARGIN = 640, 260, 48
_LEAST_DB, _MOST_DB = 0.0, 100.0
"""The ends of the axis: a model below is useless, and one above is practically exact."""


@dataclasses.dataclass(frozen=True)
class Point:
    """A candidate in the plot.

    Attributes:
        x: The horizontal position, which grows with the size.
        y: The vertical position, which is smaller for better quality, as SVG counts from the top.
        trial: The candidate.
        is_chosen: Whether its model is published.
    """

    x: float
    y: float
    trial: Trial
    is_chosen: bool


@dataclasses.dataclass(frozen=True)
class Plot:
    """The plot.

    Attributes:
        points: The candidates that could be made.
        front: The Pareto front as an SVG polyline's `points`, the smallest model first.
        largest_bytes: The size at the right end of the axis.
        largest_db: The SQNR at the upper end of the axis.
    """

    points: tuple[Point, ...]
    front: str
    largest_bytes: int
    largest_db: float


def plot(outcome: Outcome) -> Plot:
    """Places the candidates of a search."""
    made = [trial for trial in outcome.trials if trial.size_bytes]
    largest = max((trial.size_bytes for trial in made), default=1)
    best = max([_shown(trial.sqnr_db) for trial in made], default=1.0) or 1.0
    points = [_point(trial, largest, best, trial.name == outcome.chosen) for trial in made]
    return Plot(tuple(points), _front(points), largest, best)


def _point(trial: Trial, largest: int, best: float, is_chosen: bool) -> Point:
    x = MARGIN + trial.size_bytes / largest * (WIDTH - 2 * MARGIN)
    y = HEIGHT - MARGIN - _shown(trial.sqnr_db) / best * (HEIGHT - 2 * MARGIN)
    return Point(round(x, 1), round(y, 1), trial, is_chosen)


def _shown(decibels: float) -> float:
    return _LEAST_DB if math.isnan(decibels) else min(max(decibels, _LEAST_DB), _MOST_DB)


def _front(points: Sequence[Point]) -> str:
    front = sorted((point.x, point.y) for point in points if point.trial.on_front)
    return " ".join(f"{x},{y}" for x, y in front)
