"""Makes docs/report.md from the dataclasses of the report.

python scripts/report_page.py
"""

import collections.abc
import dataclasses
import enum
import inspect
import pathlib
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

from tfx_tflite_component.report.schema import ComparisonReport, InspectionReport, Report

PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "report.md"

_ROOTS = (Report, ComparisonReport, InspectionReport)
_INTRODUCTION = """\
# The report

<!-- scripts/report_page.py makes this page. -->

The channel `report` of `TFLiteRewriter` holds one artifact of type `TFLiteReport` with two files:
`report.html`, a self-contained page for people, and `report.json`, described here. In a notebook,
TFX's InteractiveContext shows the artifact as the page. Outside a pipeline, `rewrite_saved_model`
and `tfx-tflite convert` write the two files into their output folder, or beside the model if the
output is a `.tflite` file. In ML Metadata the type is `tfx_tflite_component.TFLiteReport`.

If a model is rejected because it exceeds its limits, its report is kept, and the error names the
folder. In a pipeline, that is a folder beside the output, because TFX discards the outputs of a
failed component. Outside a pipeline, it is the output folder, or a folder beside it if an earlier
model is there.

`report.json` is strict JSON and holds a [Report](#report). A number that JSON has no literal for
is a string: `"inf"`, `"-inf"` or `"nan"`. New fields may be added at any time; `schema_version`
increases when a field is removed or changes its meaning.
`tfx_tflite_component.report.schema.Report.from_json` reads it in Python. `tfx-tflite inspect
--json` prints an [InspectionReport](#inspectionreport), and `compare_models` returns a
[ComparisonReport](#comparisonreport). A quantized value stands for `(value - zero_point) * scale`.
"""
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "object"}


def page() -> str:
    """The page's content."""
    kinds = dict.fromkeys(kind for root in _ROOTS for kind in _dataclasses(root))
    return "\n".join([_INTRODUCTION, *map(_section, kinds)])


def _dataclasses(kind: Any) -> Iterator[type]:
    """The dataclasses that a type is made of, itself first."""
    parts = typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        yield typing.cast(type, kind)
        parts = tuple(typing.get_type_hints(kind).values())
    for part in parts:
        yield from _dataclasses(part)


def _section(kind: type) -> str:
    text = inspect.cleandoc(kind.__doc__ or "")
    summary, _, attributes = text.partition("\nAttributes:\n")
    meanings = dict(_attributes(attributes))
    rows = [
        f"| `{name}` | {_type(hint)} | {meanings[name]} |"
        for name, hint in typing.get_type_hints(kind).items()
    ]
    table = ["| field | type | meaning |", "| --- | --- | --- |", *rows]
    return "\n".join([f"## {kind.__name__}\n", _joined(summary), "", *table, ""])


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for entry in re.split(r"\n(?=    \w)", text):
        name, _, meaning = entry.strip().partition(": ")
        if name:
            yield name, _joined(meaning).rstrip(".")


def _joined(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip())


def _type(hint: Any) -> str:
    """A type as JSON has it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return ", or ".join("null" if part is types.NoneType else _type(part) for part in arguments)
    if origin in (tuple, list, collections.abc.Sequence):
        return f"list of {_plural(_type(arguments[0]))}"
    if origin in (dict, collections.abc.Mapping):
        return "object" if arguments[1] is Any else f"object of {_plural(_type(arguments[1]))}"
    if dataclasses.is_dataclass(hint):
        name = typing.cast(type, hint).__name__
        return f"[{name}](#{name.lower()})"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return " or ".join(f"`{member.value}`" for member in hint)
    return _SCALARS[hint]


def _plural(name: str) -> str:
    return name if name.startswith(("[", "`")) else re.sub(r"^\w+", r"\g<0>s", name)


if __name__ == "__main__":
    PAGE.write_text(page())
