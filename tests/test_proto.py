"""The protobuf code of the configs: current, and documented field by field."""

import os
import pathlib
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2
from versions import HAS_GENERATOR

from tfx_tflite_component.proto import tflite_infra_validator_pb2, tflite_rewriter_pb2

pytestmark = pytest.mark.process

_CHECKOUT = pathlib.Path(__file__).parents[1]
_CODE = pathlib.Path("tfx_tflite_component", "proto")
_MODULES = {
    "tflite_rewriter": tflite_rewriter_pb2,
    "tflite_infra_validator": tflite_infra_validator_pb2,
}
_MADE = [
    *(_CODE / f"{name}_pb2.{ending}" for name in _MODULES for ending in ("py", "pyi")),
    pathlib.Path("docs", "config.md"),
    pathlib.Path("docs", "infra-validator-config.md"),
]
_FIELDS = [
    (file, name, field)
    for file, module in _MODULES.items()
    for name, message in module.DESCRIPTOR.message_types_by_name.items()
    for field in message.fields_by_name
]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with all that is made of proto/ now."""
    if not HAS_GENERATOR:
        pytest.skip("the generator runs on Python 3.10, beside TFX 1.16")
    folder = tmp_path_factory.mktemp("generated")
    subprocess.run(
        [_CHECKOUT / "scripts" / "generate_proto.sh", folder, folder],
        env={**os.environ, "UV": str(pathlib.Path(sys.executable).with_name("uv"))},
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def described(generated: pathlib.Path) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """The descriptor of each source, with its comments."""
    found = {}
    for name in _MODULES:
        content = (generated / f"{name}.pb").read_bytes()
        (found[name],) = descriptor_pb2.FileDescriptorSet.FromString(content).file
    return found


@pytest.mark.parametrize("path", _MADE, ids=lambda path: path.name)
def test_generated_code_is_current(generated: pathlib.Path, path: pathlib.Path) -> None:
    assert (_CHECKOUT / path).read_bytes() == (generated / path).read_bytes()


@pytest.mark.parametrize("file", _MODULES)
def test_imported_code_describes_what_the_source_does(
    described: dict[str, descriptor_pb2.FileDescriptorProto], file: str
) -> None:
    imported = descriptor_pb2.FileDescriptorProto.FromString(
        _MODULES[file].DESCRIPTOR.serialized_pb
    )
    assert imported.message_type
    assert imported == _as_in_code(described[file])


@pytest.mark.parametrize(("file", "message", "field"), _FIELDS)
def test_field_says_whether_it_is_required_and_its_default(
    described: dict[str, descriptor_pb2.FileDescriptorProto], file: str, message: str, field: str
) -> None:
    comment = _comment(described[file], message, field)
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
