"""The page of a pipeline's history: figures over the runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfx_tflite_component.report.templates import render_template

_FIGURES = {
    "size_bytes": "size, bytes",
    "argmax_agreement": "same largest value, share of the examples",
    "sqnr_db": "SQNR, dB",
    "latency_ms": "latency, ms",
}
_WIDTH, _HEIGHT = 720.0, 140.0


def render_history(records: Sequence[Mapping[str, Any]]) -> str:
    """Renders the records of `standalone.history`, as JSON, oldest first.

    Returns:
        An HTML page that needs no other file.
    """
    charts = {
        title: _points([record[figure] for record in records]) for figure, title in _FIGURES.items()
    }
    return render_template(
        "history",
        records=records,
        charts={title: chart for title, chart in charts.items() if chart},
        compared=_of_last_run(records),
        largest={name: _largest(records, name) for name in ("size_bytes", "latency_ms")},
    )


def _of_last_run(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The models of the last run, the smallest first, if there are several to compare."""
    last = [record for record in records if record["run"] == records[-1]["run"]]
    ranked = sorted(last, key=lambda record: record["size_bytes"] or 0)
    return ranked if len(ranked) > 1 else []


def _largest(records: Sequence[Mapping[str, Any]], figure: str) -> float:
    """The largest value of a figure in the last run."""
    return max((record[figure] or 0 for record in _of_last_run(records)), default=0) or 1


def _points(values: Sequence[float | None]) -> dict[str, Any]:
    """The points of a chart from zero to the largest value; empty if there is no value."""
    known = [value for value in values if value is not None]
    if not known:
        return {}
    top = max(known) or 1
    step = _WIDTH / max(len(values) - 1, 1)
    return {
        "top": top,
        "points": [
            {"x": index * step, "y": _HEIGHT * (1 - value / top), "value": value}
            for index, value in enumerate(values)
            if value is not None
        ],
    }
