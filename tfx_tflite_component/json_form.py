"""Converts frozen dataclasses to strict JSON and back."""

import dataclasses
import enum
import functools
import math
import typing
from collections.abc import Hashable
from typing import Any, TypeVar

import pydantic

_T = TypeVar("_T")


def to_json(value: Any) -> Any:
    """The JSON form of a dataclass, or of the value of a field.

    Dataclasses and mappings become objects, tuples become lists, and enums become strings, as do
    the numbers that JSON lacks: "inf", "-inf" and "nan".
    """
    return _strict(dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value)  # type: ignore[arg-type]


def from_json(of: type[_T], data: Any) -> _T:
    """Reads the JSON form of a dataclass.

    Args:
        of: The dataclass.
        data: Its JSON form. Fields that the dataclass does not have are ignored.

    Raises:
        ValueError: A field is missing, or is not of its type.
    """
    return _adapter(typing.cast(Hashable, of)).validate_python(data)


@functools.cache
def _adapter(of: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(of)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
