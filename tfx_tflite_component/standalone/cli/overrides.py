"""Fields of a config by their paths, as `--set quantization.mode=FLOAT16` names them."""

import difflib
import json
from collections.abc import Collection
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tfx_tflite_component.errors import ConfigError, listed

_OPTION = "--set"


def override(message: Message, path: str, value: str) -> None:
    """Sets one field of a message.

    Args:
        message: The message.
        path: The names of the fields on the way, joined by dots; in a map, the key is one of them.
        value: The value: a word for enums and strings, JSON for anything else.

    Raises:
        ConfigError: There is no such field, or it does not take the value.
    """
    names = path.split(".")
    data = _nested(message.DESCRIPTOR, names, path, value)
    try:
        json_format.ParseDict(data, message)
    except json_format.ParseError as e:
        raise ConfigError(
            f"{_OPTION}: {path} does not take {value!r}: {str(e).rstrip('.')}."
        ) from e


def _nested(descriptor: Any, names: list[str], path: str, value: str) -> dict[str, Any]:
    """The JSON form of a message in which one field is set."""
    name, *further = names
    field = descriptor.fields_by_name.get(name)
    if field is None:
        known = [known.name for known in descriptor.fields]
        raise ConfigError(
            f"{_OPTION}: {path!r} has no field {name!r}{_hint(name, known)}; expected one of "
            f"{listed(known)}."
        )
    if not further:
        return {name: _value(field, path, value)}
    if field.message_type is None:
        raise ConfigError(f"{_OPTION}: {path!r}: {name!r} has no fields of its own.")
    if not field.message_type.GetOptions().map_entry:
        return {name: _nested(field.message_type, further, path, value)}
    key, *further = further
    entry = field.message_type.fields_by_name["value"]
    if further and entry.message_type:
        return {name: {key: _nested(entry.message_type, further, path, value)}}
    return {name: {key: _value(entry, path, value)}}


def _value(field: FieldDescriptor, path: str, value: str) -> Any:
    if field.enum_type is not None:
        known = field.enum_type.values_by_name
        if value.upper() not in known:
            raise ConfigError(
                f"{_OPTION}: {path} has no value {value!r}{_hint(value.upper(), known)}; expected "
                f"one of {listed(known)}."
            )
        return value.upper()
    if field.type == FieldDescriptor.TYPE_STRING and not value.startswith("["):
        return value
    try:
        return json.loads(value)
    except ValueError as e:
        raise ConfigError(
            f"{_OPTION}: {path} does not take {value!r}; expected JSON, such as a number, true or "
            "false, or a list in brackets."
        ) from e


def _hint(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
