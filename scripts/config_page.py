"""Writes the page of a config's fields from the comments in proto/.

python scripts/config_page.py DESCRIPTOR_SET ROOT PAGE

`make proto` runs it. ROOT is the name of the config's message. The descriptor set is protoc's, with
`--include_source_info`.
"""

import pathlib
import re
import sys
from collections.abc import Iterator

from google.protobuf import descriptor_pb2

FileDescriptor = descriptor_pb2.FileDescriptorProto
Descriptor = descriptor_pb2.DescriptorProto
FieldDescriptor = descriptor_pb2.FieldDescriptorProto
EnumDescriptor = descriptor_pb2.EnumDescriptorProto

_REWRITER_PAGE = """\
# Config

`make proto` makes this page from [proto/tflite_rewriter.proto](../proto/tflite_rewriter.proto).

`TFLiteRewriter(config=...)` takes the message `TFLiteRewriterConfig`, the same fields as a mapping,
JSON or protobuf's text format, or a `RuntimeParameter` whose value is JSON or text format. These
four are equivalent:

```python
from tfx_tflite_component import TFLiteRewriterConfig

message = TFLiteRewriterConfig(quantization={"mode": "FULL_INTEGER"}, batch_size=1)
mapping = {"quantization": {"mode": "FULL_INTEGER"}, "batch_size": 1}
json_form = '{"quantization": {"mode": "FULL_INTEGER"}, "batch_size": 1}'
text_form = "quantization { mode: FULL_INTEGER } batch_size: 1"
```

An unknown field, a value out of range, a contradiction, or an option that would have no effect
raises a [ConfigError](errors.md#configerror), when the pipeline is built if possible, and otherwise
when the component runs.

## Fields

"""
_INFRA_VALIDATOR_PAGE = """\
# Config of TFLiteInfraValidator

`make proto` makes this page from
[proto/tflite_infra_validator.proto](../proto/tflite_infra_validator.proto).

`TFLiteInfraValidator(config=...)` and `tfx-tflite validate --config` take the message
`TFLiteInfraValidatorConfig` in the same forms as [the rewriter's config](config.md).

## Fields

"""
_HEADERS = {
    "TFLiteRewriterConfig": _REWRITER_PAGE,
    "TFLiteInfraValidatorConfig": _INFRA_VALIDATOR_PAGE,
}
_TYPES = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "boolean",
    FieldDescriptor.TYPE_INT32: "integer",
    FieldDescriptor.TYPE_INT64: "integer",
    FieldDescriptor.TYPE_DOUBLE: "number",
    FieldDescriptor.TYPE_FLOAT: "number",
}
# What the places of comments are made of:
# https://protobuf.dev/reference/protobuf/google.protobuf/#source-code-info
_MESSAGES_OF_FILE = FileDescriptor.MESSAGE_TYPE_FIELD_NUMBER
_FIELDS = Descriptor.FIELD_FIELD_NUMBER
_NESTED = Descriptor.NESTED_TYPE_FIELD_NUMBER
_ENUMS = Descriptor.ENUM_TYPE_FIELD_NUMBER
_VALUES = EnumDescriptor.VALUE_FIELD_NUMBER

Place = tuple[int, ...]


class _Page:
    """The page of one file's config message."""

    def __init__(self, file: FileDescriptor, root: str) -> None:
        self._messages: dict[str, tuple[Place, Descriptor]] = {}
        self._enums: dict[str, tuple[Place, EnumDescriptor]] = {}
        self._comments = {
            tuple(location.path): " ".join(location.leading_comments.split())
            for location in file.source_code_info.location
        }
        for index, message in enumerate(file.message_type):
            self._add(f".{file.package}", (_MESSAGES_OF_FILE, index), message)
        self._root = f".{file.package}.{root}"
        # the field whose section tells the values of an enum that several have
        self._tellers: dict[str, str] = {}

    def _add(self, scope: str, place: Place, message: Descriptor) -> None:
        name = f"{scope}.{message.name}"
        self._messages[name] = place, message
        for index, enum in enumerate(message.enum_type):
            self._enums[f"{name}.{enum.name}"] = (*place, _ENUMS, index), enum
        for index, nested in enumerate(message.nested_type):
            self._add(name, (*place, _NESTED, index), nested)

    def lines(self) -> Iterator[str]:
        """The lines of the tables."""
        yield from self._message(self._root, "")

    def _message(self, name: str, path: str) -> Iterator[str]:
        place, message = self._messages[name]
        yield "| field | type | default | meaning |"
        yield "| --- | --- | --- | --- |"
        for index, field in enumerate(message.field):
            meaning, default = _parts(self._comments[(*place, _FIELDS, index)])
            kind = self._kind(field, f"{path}{field.name}")
            yield f"| `{path}{field.name}` | {kind} | {default} | {meaning} |"
        for field in message.field:
            yield from self._section(field, f"{path}{field.name}")

    def _section(self, field: FieldDescriptor, path: str) -> Iterator[str]:
        """The section of what a field holds, if that is an enum or a message."""
        if self._tellers.get(field.type_name) == path:
            yield from ("", f"### {path}", "")
            yield from self._values(field.type_name)
        entry = self._entry(field)
        held = entry.field[1] if entry else field
        if held.type == FieldDescriptor.TYPE_MESSAGE:
            yield from ("", f"## {path}", "")
            key = "[name]" if entry else "[]" if _is_repeated(field) else ""
            yield from self._message(held.type_name, f"{path}{key}.")

    def _values(self, enum_name: str) -> Iterator[str]:
        place, enum = self._enums[enum_name]
        yield "| value | meaning |"
        yield "| --- | --- |"
        for index, value in enumerate(enum.value):
            yield f"| `{value.name}` | {_cell(self._comments.get((*place, _VALUES, index), ''))} |"

    def _kind(self, field: FieldDescriptor, path: str) -> str:
        entry = self._entry(field)
        held = entry.field[1] if entry else field
        if held.type == FieldDescriptor.TYPE_MESSAGE:
            kind = _link("message", path)
        elif held.type == FieldDescriptor.TYPE_ENUM:
            kind = _link("enum", self._tellers.setdefault(held.type_name, path))
        else:
            kind = _TYPES[held.type]
        if entry:
            return f"map from string to {kind}"
        return f"list of {kind}" if _is_repeated(field) else kind

    def _entry(self, field: FieldDescriptor) -> Descriptor | None:
        """The message of key and value that a map is a list of; None for other fields."""
        _, message = self._messages.get(field.type_name, (None, None))
        return message if message and message.options.map_entry else None


def _link(text: str, path: str) -> str:
    """A link to a field's section, by the name that code hosts give it."""
    anchor = re.sub(r"[^\w-]", "", path)
    return f"[{text}](#{anchor})"


def _is_repeated(field: FieldDescriptor) -> bool:
    return field.label == FieldDescriptor.LABEL_REPEATED


def _parts(comment: str) -> tuple[str, str]:
    """What a field's comment says: the meaning with what it is for, and the default."""
    found = re.search(r"Default: (.+?)\.(?=\s|$)", comment)
    default = found[1] if found else ""
    meaning = comment.replace(found[0], "") if found else comment
    meaning = re.sub(r"^Optional[.,;] (\w)", lambda match: match[1].upper(), meaning)
    return _cell(meaning), _cell(default)


def _cell(text: str) -> str:
    """A text as it can stand in a table."""
    return " ".join(text.split()).replace("|", r"\|")


def main(descriptor_set: str, root: str, page: str) -> None:
    """Writes the page of the file that a descriptor set holds."""
    content = pathlib.Path(descriptor_set).read_bytes()
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(content).file
    path = pathlib.Path(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_HEADERS[root] + "\n".join(_Page(file, root).lines()) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
