"""The report as files: one for programs, and one self-contained page to look at."""

import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import jinja2

from tfx_tflite_component.artifact_layout import REPORT_HTML, REPORT_JSON
from tfx_tflite_component.json_form import to_json
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.storage.storage_errors import storage_errors
from tfx_tflite_component.tflite.inspection import Op

_BINS = 24
_WORST = 5

templates = jinja2.Environment(
    loader=jinja2.PackageLoader("tfx_tflite_component.report", "."),
    # names of features and layers come from a model, and may hold anything
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def write_report(report: Report, folder: pathlib.Path) -> None:
    """Writes a report's two files into a local folder.

    Args:
        report: The report.
        folder: The folder.

    Raises:
        StorageError: They cannot be written.
    """
    write_files(report.to_json(), render(report), folder)


def write_files(report: dict[str, Any], page: str, folder: pathlib.Path) -> None:
    """Writes a report's JSON form and its page into a local folder.

    Args:
        report: The report's JSON form.
        page: The page.
        folder: The folder.

    Raises:
        StorageError: They cannot be written.
    """
    content = json.dumps(report, indent=2, allow_nan=False)
    with storage_errors(f"the report in {folder}"):
        (folder / REPORT_JSON).write_text(content, encoding="utf-8")
        (folder / REPORT_HTML).write_text(page, encoding="utf-8")


def render(report: Report) -> str:
    """Renders a report.

    Args:
        report: The report.

    Returns:
        An HTML page that needs no other file.
    """
    outputs = report.verification.outputs if report.verification else {}
    return templates.get_template("report.html.jinja").render(
        report=report.to_json(),
        ops=_op_table(report.model.ops),
        outputs={
            name: {
                **to_json(output),
                "histogram": _histogram(output.errors),
                "worst": _worst(output.errors),
            }
            for name, output in outputs.items()
        },
    )


def _op_table(ops: Sequence[Op]) -> list[dict[str, Any]]:
    """How often each op occurs, and what it computes in."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for op in ops:
        row = rows.setdefault(
            (op.name, op.kind),
            {
                **{"name": op.name, "kind": op.kind},
                **{"count": 0, "float": 0, "integer": 0, "preprocessing": 0},
            },
        )
        row["count"] += 1
        row["preprocessing"] += op.is_preprocessing
        if op.computes_in:
            row[op.computes_in] += 1
    return sorted(rows.values(), key=lambda row: (-row["count"], row["name"]))


def _histogram(errors: Sequence[float]) -> list[dict[str, float]]:
    """Bins of equal width from zero to the largest finite error."""
    finite = [error for error in errors if math.isfinite(error)]
    top = max(finite, default=0.0)
    counts = [0] * _BINS
    for error in finite:
        counts[min(int(error / top * _BINS), _BINS - 1) if top else 0] += 1
    highest = max(counts)
    return [
        {
            "from": top * index / _BINS,
            "to": top * (index + 1) / _BINS,
            "count": count,
            "height": count / highest if highest else 0.0,
        }
        for index, count in enumerate(counts)
    ]


def _worst(errors: Sequence[float]) -> list[dict[str, float]]:
    ranked = sorted(range(len(errors)), key=lambda index: -errors[index])
    return [{"example": index, "error": errors[index]} for index in ranked[:_WORST]]
