"""The wheel: complete, with nothing else in it, and it works outside the checkout."""

import ast
import email
import email.message
import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from forks import run_in_fork
from packaging.requirements import Requirement
from versions import OF_NO_VERSION

pytestmark = [pytest.mark.process, OF_NO_VERSION]

_CHECKOUT = pathlib.Path(__file__).parents[1]
_PACKAGE = "tfx_tflite_component"
# where the name of a distribution is not that of its modules
_DISTRIBUTIONS = {"google": "protobuf"}
_USE = f"""
import {_PACKAGE}
from tfx.types import channel, standard_artifacts
rewriter = {_PACKAGE}.TFLiteRewriter(model=channel.Channel(type=standard_artifacts.Model))
print({_PACKAGE}.__file__, rewriter.id, rewriter.outputs["model"].type_name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The wheel of a clean export of the checkout."""
    export, wheels = tmp_path_factory.mktemp("export"), tmp_path_factory.mktemp("wheels")
    for name in _tracked_files():
        (export / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_CHECKOUT / name, export / name)
    _pip("wheel", "--no-build-isolation", "--wheel-dir", wheels, export)
    (wheel,) = wheels.iterdir()
    return wheel


@pytest.fixture(scope="module")
def metadata(wheel: pathlib.Path) -> email.message.Message:
    """What the wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def _tracked_files() -> list[str]:
    """The files of the checkout but for those that git ignores."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=_CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [name for name in listing.stdout.splitlines() if (_CHECKOUT / name).is_file()]


def _pip(*arguments: str | pathlib.Path) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--no-deps", "--no-index"]
    subprocess.run(command, check=True)


def _names(wheel: pathlib.Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(wheel: pathlib.Path) -> None:
    folders = {name.partition("/")[0] for name in _names(wheel)}
    assert folders == {_PACKAGE, f"{_PACKAGE}-{_version()}.dist-info"}


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_package(wheel: pathlib.Path) -> None:
    expected = {name for name in _tracked_files() if name.startswith(f"{_PACKAGE}/")}
    assert f"{_PACKAGE}/components/rewriter/component.py" in expected
    assert expected <= _names(wheel)


@pytest.mark.slow
def test_wheel_metadata_describes_the_package(metadata: email.message.Message) -> None:
    assert metadata["Name"] == "tfx-tflite-component"
    assert metadata["Version"] == _version()
    assert metadata["License"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == "<3.14,>=3.10"
    assert metadata.get_payload() == (_CHECKOUT / "README.md").read_text()


@pytest.mark.slow
def test_wheel_requires_the_tested_versions(metadata: email.message.Message) -> None:
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    asked = {requirement.name: requirement.specifier for requirement in requirements}
    assert str(asked["tfx"]) == "<1.22,>=1.16"
    installed = {name: importlib.metadata.version(name) for name in asked}
    assert {n: v for n, v in installed.items() if not asked[n].contains(v)} == {}
    classifiers = metadata.get_all("Classifier", [])
    assert f"Programming Language :: Python :: 3.{sys.version_info.minor}" in classifiers


@pytest.mark.slow
def test_wheel_works_outside_the_checkout(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    installed = tmp_path / "installed"
    _pip("install", "--target", installed, wheel)
    assert _used_from(installed, tmp_path / "printed") == [
        str(installed / _PACKAGE / "__init__.py"),
        "TFLiteRewriter",
        "Model",
    ]


def _used_from(installed: pathlib.Path, printed: pathlib.Path) -> list[str]:
    """What `_USE` prints where the package is found in a folder."""

    def use() -> None:
        sys.path.insert(0, str(installed))
        exec(_USE, {})

    assert run_in_fork(use, printed) == 0, printed.read_text()
    # the log comes before it
    return printed.read_text().splitlines()[-1].split()


@pytest.mark.slow
def test_wheel_declares_what_the_package_imports(metadata: email.message.Message) -> None:
    requirements = metadata.get_all("Requires-Dist", [])
    declared = {re.split(r"[^A-Za-z0-9_.-]", requirement)[0] for requirement in requirements}
    imported = {
        _DISTRIBUTIONS.get(module, module.replace("_", "-"))
        for source in (_CHECKOUT / _PACKAGE).rglob("*.py")
        for module in _third_party_imports(source)
    }
    assert "tensorflow" in imported
    assert imported <= declared


def _third_party_imports(source: pathlib.Path) -> set[str]:
    """The top-level names of what a module cannot be imported without.

    A script of `targets` imports another from its own folder.
    """
    beside = {path.stem for path in source.parent.glob("*.py")}
    found: set[str] = set()
    for statement in ast.parse(source.read_text()).body:
        if isinstance(statement, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            found.add(statement.module.partition(".")[0])
    return found - sys.stdlib_module_names - beside - {_PACKAGE}


def _version() -> str:
    return importlib.metadata.version("tfx-tflite-component")
