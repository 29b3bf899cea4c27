"""scripts/environment.sh: which TFX `make` takes on which machine."""

import os
import pathlib
import shutil
import subprocess

import pytest
from versions import OF_NO_VERSION

pytestmark = [pytest.mark.process, OF_NO_VERSION]

_CHECKOUT = pathlib.Path(__file__).parents[1]
_TOOLS = ["bash", "cat", "dirname", "env", "grep", "printf", "sh", "sort", "true", "tr"]
_OLD_GLIBC, _NEW_GLIBC = "2.36", "2.39"


class _Machine:
    """A checkout on a machine that has only the commands it is given."""

    def __init__(self, path: pathlib.Path) -> None:
        self._bin = path / "bin"
        self._checkout = path / "checkout"
        self._bin.mkdir()
        shutil.copytree(_CHECKOUT / "scripts", self._checkout / "scripts")
        for tool in filter(shutil.which, _TOOLS):
            (self._bin / tool).symlink_to(str(shutil.which(tool)))
        self.add("uname", "echo Linux x86_64")
        self.add("id", "echo 1000")
        self.add_glibc(_OLD_GLIBC)

    def add(self, command: str, script: str) -> None:
        (self._bin / command).write_text(f"#!/bin/sh\n{script}\n")
        (self._bin / command).chmod(0o755)

    def add_glibc(self, version: str) -> None:
        self.add("getconf", f"echo glibc {version}")

    def add_python(self, version: str) -> None:
        self.add(f"python{version}", f"echo {self.python(version)}")

    def add_trixie_root(self) -> None:
        for command in ("unshare", "debootstrap"):
            self.add(command, "true")
        self.add("id", "echo 0")

    def python(self, version: str) -> str:
        return str(self._bin / f"python{version}")

    def choice(self, *arguments: str) -> str:
        return self._run(*arguments).stdout.strip()

    def advice(self, *arguments: str) -> str:
        return self._run("--explain", *arguments).stderr

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self._checkout / "scripts" / "environment.sh", *arguments],
            env={"PATH": str(self._bin), "HOME": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> _Machine:
    return _Machine(tmp_path)


@pytest.mark.parametrize("version", ["3.10", "3.11"])
def test_python_3_10_and_3_11_take_tfx_1_16(machine: _Machine, version: str) -> None:
    machine.add_python(version)
    assert machine.choice() == f"1.16 here {machine.python(version)}"


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_new_glibc_takes_tfx_1_21_when_asked(machine: _Machine, version: str) -> None:
    machine.add_python(version)
    machine.add_glibc(_NEW_GLIBC)
    assert machine.choice("1.21") == f"1.21 here {machine.python(version)}"


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_new_python_needs_new_glibc(machine: _Machine, version: str) -> None:
    machine.add_python(version)
    assert machine.choice() == "none - -"
    machine.add_glibc(_NEW_GLIBC)
    assert machine.choice() == f"1.21 here {machine.python(version)}"


def test_trixie_root_is_used_where_no_python_fits(machine: _Machine) -> None:
    machine.add_python("3.12")
    machine.add_trixie_root()
    assert machine.choice() == "1.21 trixie -"


def test_uv_is_the_last_resort(machine: _Machine) -> None:
    machine.add("uv", "true")
    assert machine.choice() == "1.16 uv 3.10"
    machine.add_trixie_root()
    assert machine.choice() == "1.21 trixie -"


def test_tfx_that_is_asked_for_is_the_one_chosen(machine: _Machine) -> None:
    machine.add_python("3.12")
    machine.add_trixie_root()
    assert machine.choice("1.16") == "none - -"


def test_unknown_tfx_fits_nowhere(machine: _Machine) -> None:
    machine.add_python("3.10")
    assert machine.choice("1.17") == "none - -"


def test_other_processors_have_no_wheels(machine: _Machine) -> None:
    machine.add_python("3.10")
    machine.add("uname", "echo Linux aarch64")
    assert machine.choice() == "none - -"


def test_advice_lists_the_found_versions_and_all_options(machine: _Machine) -> None:
    machine.add_python("3.12")
    advice = machine.advice()
    assert "glibc 2.36" in advice
    assert "3.12" in advice
    ways = ("python3.11-venv", "glibc is 2.39", "uv (https", "trixie root", "3.1 GB", "--no-deps")
    assert [way for way in ways if way not in advice] == []
