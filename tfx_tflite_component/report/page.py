"""The report as files: one for programs, and one self-contained page for people."""

import collections
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from tfx_tflite_component.artifact_layout import REPORT_HTML, REPORT_JSON
from tfx_tflite_component.json_form import to_json
from tfx_tflite_component.quantization.outcome import OpCost
from tfx_tflite_component.report.chart import error_chart
from tfx_tflite_component.report.quantization_plot import plot
from tfx_tflite_component.report.schema import Report, SignatureReport
from tfx_tflite_component.report.templates import render_template
from tfx_tflite_component.report.verdict import held, verdict
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.storage.storage_errors import storage_errors
from tfx_tflite_component.tflite.inspection import Op
from tfx_tflite_component.verification.measures import OutputComparison, worst_examples

# the longest list of ops that a page shows; `tfx-tflite inspect --json` has all
_MOST_SHOWN = 500
_MEASURES = {
    "max_abs_error": "largest error",
    "argmax_agreement": "same largest value",
    "sqnr_db": "SQNR",
    "relative_error": "largest error, relative to the column",
    "constant_columns": "columns that became constant",
    "equal_share": "equal values",
    "top_k_overlap": "overlap of the ids",
}
_LANGUAGES = {"py": "Python", "cc": "C++", "kt": "Kotlin", "swift": "Swift"}
_ARRIVAL = {
    Boundary.SIGNATURE: "Inputs arrive as the signature takes them.",
    Boundary.RAW_FEATURES: "Features arrive raw, as parsed: preprocessing is in the model.",
    Boundary.PER_FEATURE: "Features arrive raw, but for those that an app has to compute.",
    Boundary.TRANSFORMED_FEATURES: "Features arrive transformed: the head has the preprocessing.",
    Boundary.TENSORS: "Inputs are the tensors that the config names: the head makes them.",
}


def write_report(report: Report, folder: pathlib.Path, prefix: str = "") -> None:
    """Writes a report's two files into a local folder.

    Args:
        report: The report.
        folder: The folder.
        prefix: What the names of the files begin with.

    Raises:
        StorageError: They cannot be written.
    """
    write_files(report.to_json(), render(report), folder, prefix)


def write_files(report: dict[str, Any], page: str, folder: pathlib.Path, prefix: str = "") -> None:
    """Writes a report's JSON form and its page into a local folder.

    Args:
        report: The report's JSON form.
        page: The page.
        folder: The folder.
        prefix: What the names of the files begin with.

    Raises:
        StorageError: They cannot be written.
    """
    content = json.dumps(report, indent=2, allow_nan=False)
    with storage_errors(f"the report in {folder}"):
        (folder / f"{prefix}{REPORT_JSON}").write_text(content, encoding="utf-8")
        (folder / f"{prefix}{REPORT_HTML}").write_text(page, encoding="utf-8")


def render(report: Report) -> str:
    """Renders a report.

    Args:
        report: The report.

    Returns:
        An HTML page that needs no other file.
    """
    return render_template(
        "report",
        report=report.to_json(),
        verdict=verdict(report),
        measures=_MEASURES,
        languages=_LANGUAGES,
        ops=_op_table(report.model.ops),
        signatures=[_signature(signature) for signature in report.signatures],
        layers=_layers(report.model.ops),
        costs=_costs(report),
        most_shown=_MOST_SHOWN,
    )


def _costs(report: Report) -> dict[str, OpCost]:
    """What quantizing each op costs, by its tensor, as far as a search has measured it."""
    searches = [signature.search for signature in report.signatures if signature.search]
    return {cost.tensor: cost for search in searches for cost in search.ranking}


def _signature(report: Report | SignatureReport) -> dict[str, Any]:
    """What the page shows of a signature."""
    outputs = report.verification.outputs if report.verification else {}
    return {
        "about": to_json(report),
        "arrival": _ARRIVAL[report.boundary],
        "plot": plot(report.search) if report.search else None,
        "outputs": {name: _output(name, output, report) for name, output in outputs.items()},
    }


def _output(
    name: str, output: OutputComparison, report: Report | SignatureReport
) -> dict[str, Any]:
    """What the page shows of an output."""
    measures = held(name, output, report)
    limits = {entry.measure: entry.limit for entry in measures}
    return {
        **to_json(output),
        "held": measures,
        "chart": error_chart(output.errors, limits.get("max_abs_error")),
        "worst": _worst(output.errors),
    }


def _op_table(ops: Sequence[Op]) -> list[dict[str, Any]]:
    """The number of ops by name and by the numbers that they compute with."""
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


def _layers(ops: Sequence[Op]) -> list[tuple[str, int]]:
    """The size of the constants in each layer, the largest first."""
    sizes: collections.Counter[str] = collections.Counter()
    for op in ops:
        sizes[op.scope] += op.constant_bytes
    return [(scope, size) for scope, size in sizes.most_common() if size]


def _worst(errors: Sequence[float]) -> list[dict[str, float]]:
    return [{"example": index, "error": errors[index]} for index in worst_examples(errors)]
