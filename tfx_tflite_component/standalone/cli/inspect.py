"""`tfx-tflite inspect`: describes TFLite models."""

import pathlib

import click

from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.options import command


@command("inspect")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
def inspect(models: tuple[str, ...], as_json: bool) -> int:
    """Describe TFLite models: signatures, ops, dtypes, quantization, sizes."""
    from tfx_tflite_component.json_form import to_json
    from tfx_tflite_component.report.schema import InspectionReport
    from tfx_tflite_component.report.text import describe_inspection
    from tfx_tflite_component.tflite import inspection

    found = {}
    for model in models:
        path = pathlib.Path(model)
        found[model] = InspectionReport(
            inspection.inspect(path), inspection.inspect_signatures(path)
        )
    if as_json:
        data = [to_json(report) for report in found.values()]
        terminal.show_json(data[0] if len(data) == 1 else data)
        return terminal.OK
    for model, report in found.items():
        terminal.show([*([f"{model}:"] if len(found) > 1 else []), *describe_inspection(report)])
    return terminal.OK
