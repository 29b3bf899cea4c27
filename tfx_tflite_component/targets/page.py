"""The report of an infra validation as files: one for programs, and one page for people."""

import pathlib
from typing import Any

from tfx_tflite_component.json_form import to_json
from tfx_tflite_component.report.page import write_files
from tfx_tflite_component.report.templates import render_template
from tfx_tflite_component.targets.result import TargetResult, Validation


def infra_report(validation: Validation) -> dict[str, Any]:
    """The JSON form of a validation: dataclasses as objects.

    Args:
        validation: The validation.
    """
    return to_json(validation)


def write_infra_report(validation: Validation, folder: pathlib.Path) -> None:
    """Writes the two files of a validation's report into a local folder.

    Args:
        validation: The validation.
        folder: The folder.

    Raises:
        StorageError: They cannot be written.
    """
    write_files(infra_report(validation), render_validation(validation), folder)


def render_validation(validation: Validation) -> str:
    """Renders a validation as an HTML page that needs no other file.

    Args:
        validation: The validation.
    """
    hosts = [validation.host] if validation.host else []
    results = [*hosts, *validation.targets]
    return render_template(
        "infra_report",
        validation=validation,
        rows=[_row(result) for result in results],
        refused=[r for r in results if r.delegated and r.delegated.refused],
        compared=[r for r in validation.targets if r.outputs],
    )


def _row(result: TargetResult) -> dict[str, Any]:
    """The cells of the matrix for a target; "" where one does not apply."""
    return {
        "result": result,
        "error": _of_outputs(result, "max_abs_error", max),
        "agreement": _of_outputs(result, "argmax_agreement", min),
        "memory": result.arena_bytes if result.sram_bytes is None else result.sram_bytes,
    }


def _of_outputs(result: TargetResult, measure: str, worst: Any) -> float | None:
    found = [getattr(output, measure) for output in result.outputs.values()]
    return worst((value for value in found if value is not None), default=None)
