"""Installing: the locks and the constraints go together, and without TFX the package works."""

import pathlib
import re

import pytest
from packaging.requirements import Requirement

_CHECKOUT = pathlib.Path(__file__).parents[1]
_LOCKS = ["tfx-1.16", "tfx-1.21"]
_WITHOUT_TFX = {"tensorflow-2.16": "tfx-1.16", "tensorflow-2.21": "tfx-1.21"}


def _locked(name: str) -> set[str]:
    """The packages of a lock, with versions and markers."""
    text = (_CHECKOUT / "requirements" / f"{name}.txt").read_text()
    return {
        str(Requirement(line.rstrip("\\ ")))
        for line in text.splitlines()
        if re.match(r"[a-z0-9]", line)
    }


def _packages(requirements: set[str]) -> set[tuple[str, str]]:
    parsed = [Requirement(requirement) for requirement in requirements]
    return {(requirement.name, str(requirement.specifier)) for requirement in parsed}


@pytest.mark.parametrize("name", _LOCKS)
def test_constraints_are_the_lock_without_hashes(name: str) -> None:
    lines = (_CHECKOUT / "constraints" / f"{name}.txt").read_text().splitlines()
    found = {str(Requirement(line)) for line in lines if not line.startswith("#")}
    assert found == _locked(name)


@pytest.mark.parametrize(("name", "with_tfx"), _WITHOUT_TFX.items())
def test_list_without_tfx_has_the_versions_of_the_lock(name: str, with_tfx: str) -> None:
    packages = _packages(_locked(name))
    assert packages <= _packages(_locked(with_tfx))
    assert "tfx" not in {package for package, _ in packages}
    assert len(packages) < 70


@pytest.mark.parametrize("name", [*_LOCKS, *_WITHOUT_TFX])
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (_CHECKOUT / "requirements" / f"{name}.txt").read_text()
    entries = re.findall(r"^[a-z0-9][^\n]*\\\n {4}--hash=sha256:", text, re.MULTILINE)
    assert len(entries) == len(_locked(name))
