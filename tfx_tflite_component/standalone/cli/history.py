"""`tfx-tflite history`: the TFLite models of all runs of a pipeline."""

import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.options import command
from tfx_tflite_component.storage.storage_errors import storage_errors

if TYPE_CHECKING:
    from tfx_tflite_component.standalone.history import ModelRecord

_HEADER = (
    *(
        "created",
        "run",
        "component",
        "quantization",
        "boundary",
        "bytes",
        "agreement",
        "SQNR dB",
        "ms",
    ),
    *("blessed", "pushed"),
)
_RUN_CHARACTERS = 26


@command("history")
@click.argument("metadata", metavar="METADATA")
@click.option("--page", metavar="FILE", help="Write a page with these figures over the runs.")
def history(metadata: str, page: str | None, as_json: bool) -> int:
    """List the TFLite models of all runs of a pipeline.

    METADATA is the SQLite file of the pipeline's ML Metadata, or a file with a ConnectionConfig in
    protobuf's text form, for MySQL and other stores.
    """
    from tfx_tflite_component.json_form import to_json
    from tfx_tflite_component.standalone.history import read_history

    records = read_history(metadata)
    if page:
        from tfx_tflite_component.report.history_page import render_history

        content = render_history([to_json(record) for record in records])
        with storage_errors(page):
            pathlib.Path(page).write_text(content, encoding="utf-8")
    if as_json:
        terminal.show_json([to_json(record) for record in records])
    else:
        terminal.show(_table(records))
    return terminal.OK


def _table(records: list["ModelRecord"]) -> Iterator[str]:
    rows = [_HEADER, *map(_row, records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(c.ljust(width) for c, width in zip(row, widths, strict=True)).rstrip()


def _row(record: "ModelRecord") -> tuple[str, ...]:
    return (
        record.created,
        (record.run or "-")[-_RUN_CHARACTERS:],
        record.component or "-",
        record.quantization or "-",
        record.boundary or "-",
        _number(record.size_bytes, ","),
        _number(record.argmax_agreement, ".2%"),
        _number(record.sqnr_db, ".1f"),
        _number(record.latency_ms, ".3g"),
        _truth(record.blessed),
        _truth(record.pushed),
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _truth(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"
