"""The config's protobuf code: current, and documented field by field."""

import os
import pathlib
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2
from versions import HAS_GENERATOR

from tfx_tflite_component.proto import tflite_rewriter_pb2

_CHECKOUT = pathlib.Path(__file__).parents[1]
_CODE = pathlib.Path("tfx_tflite_component", "proto")
_MADE = [
    _CODE / "tflite_rewriter_pb2.py",
    _CODE / "tflite_rewriter_pb2.pyi",
    pathlib.Path("docs", "config.md"),
]
_DESCRIPTOR_SET = "descriptor_set.pb"
_MESSAGES = tflite_rewriter_pb2.DESCRIPTOR.message_types_by_name
_FIELDS = [(name, field) for name, message in _MESSAGES.items() for field in message.fields_by_name]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with all that is made of proto/ now."""
    if not HAS_GENERATOR:
        pytest.skip("the generator runs on Python 3.10, beside TFX 1.16")
    folder = tmp_path_factory.mktemp("generated")
    subprocess.run(
        [_CHECKOUT / "scripts" / "generate_proto.sh", folder, folder / _DESCRIPTOR_SET],
        env={**os.environ, "UV": str(pathlib.Path(sys.executable).with_name("uv"))},
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def described(generated: pathlib.Path) -> descriptor_pb2.FileDescriptorProto:
    """The descriptor of the source, with its comments."""
    content = (generated / _DESCRIPTOR_SET).read_bytes()
    (described,) = descriptor_pb2.FileDescriptorSet.FromString(content).file
    return described


@pytest.mark.parametrize("path", _MADE, ids=lambda path: path.name)
def test_what_is_checked_in_is_current(generated: pathlib.Path, path: pathlib.Path) -> None:
    assert (_CHECKOUT / path).read_bytes() == (generated / path).read_bytes()


def test_imported_code_describes_what_the_source_does(
    described: descriptor_pb2.FileDescriptorProto,
) -> None:
    imported = descriptor_pb2.FileDescriptorProto.FromString(
        tflite_rewriter_pb2.DESCRIPTOR.serialized_pb
    )
    assert imported.message_type
    assert imported == _as_in_code(described)


@pytest.mark.parametrize(("message", "field"), _FIELDS)
def test_field_says_whether_it_is_required_and_its_default(
    described: descriptor_pb2.FileDescriptorProto, message: str, field: str
) -> None:
    comment = _comment(described, message, field)
    assert comment.startswith("Required") or (
        comment.startswith("Optional") and "Default: " in comment
    )


def _as_in_code(
    described: descriptor_pb2.FileDescriptorProto,
) -> descriptor_pb2.FileDescriptorProto:
    """The descriptor without what protoc leaves out of the code."""
    described = descriptor_pb2.FileDescriptorProto.FromString(described.SerializeToString())
    described.ClearField("source_code_info")
    messages = list(described.message_type)
    for message in messages:
        messages.extend(message.nested_type)
        for field in message.field:
            field.ClearField("json_name")
    return described


def _comment(described: descriptor_pb2.FileDescriptorProto, message: str, field: str) -> str:
    """The comment before a field, on one line."""
    messages = [item.name for item in described.message_type]
    fields = [item.name for item in described.message_type[messages.index(message)].field]
    path = [
        descriptor_pb2.FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER,
        messages.index(message),
        descriptor_pb2.DescriptorProto.FIELD_FIELD_NUMBER,
        fields.index(field),
    ]
    (location,) = [item for item in described.source_code_info.location if item.path == path]
    return " ".join(location.leading_comments.split())
