"""The emulated arm64 machine, which takes a new QEMU."""

import pathlib

import pytest
from versions import OF_NO_VERSION

from tfx_tflite_component.errors import TargetError
from tfx_tflite_component.targets.emulation import python_command

pytestmark = [pytest.mark.process, OF_NO_VERSION]


def test_missing_qemu_is_named_with_what_to_install(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match=r"qemu-aarch64.*there is none.*qemu-user"):
        python_command(tmp_path / "environments")
    assert list(tmp_path.iterdir()) == []


def test_old_qemu_is_named_with_its_version(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    qemu = tmp_path / "qemu-aarch64"
    qemu.write_text("#!/bin/sh\necho 'qemu-aarch64 version 7.2.22 (Debian)'\n")
    qemu.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match=rf"{qemu} is version 7"):
        python_command(tmp_path / "environments")
