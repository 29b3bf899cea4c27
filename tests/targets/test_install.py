"""Environments of targets: installed once, or one clear error."""

import sys

import pytest

from tfx_tflite_component.errors import TargetError
from tfx_tflite_component.targets import environments, install
from tfx_tflite_component.targets.environments import ENVIRONMENTS, Environment
from tfx_tflite_component.targets.pythons import find_python


def test_every_environment_is_pinned_with_hashes():
    for environment in ENVIRONMENTS.values():
        lines = environment.requirements.read_text().splitlines()
        packages = [line for line in lines if line and line[0] not in "# "]
        assert packages, environment
        assert all("==" in line and line.endswith("\\") for line in packages), environment


def test_environments_folder_is_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(install.FOLDER_VARIABLE, str(tmp_path))
    assert install.targets_folder() == tmp_path
    monkeypatch.delenv(install.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert install.targets_folder() == tmp_path / "tfx-tflite" / "targets"


def test_own_python_is_preferred():
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert find_python(["3.1", own]) == (sys.executable, own)


def test_missing_python_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(install.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(TargetError, match=r"needs Python 3\.1 or 3\.2"):
        install.prepare(Environment("tflite-micro", ("3.1", "3.2")))


@pytest.mark.process
def test_environment_that_cannot_be_installed_says_how_to_and_leaves_nothing(monkeypatch, tmp_path):
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    (requirements / "absent.txt").write_text(
        "no-such-package==1.0 --hash=sha256:" + 64 * "0" + "\n"
    )
    monkeypatch.setattr(environments, "_REQUIREMENTS", requirements)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    folder = tmp_path / "targets"
    monkeypatch.setenv(install.FOLDER_VARIABLE, str(folder))
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(TargetError, match="tfx-tflite targets install absent"):
        install.prepare(Environment("absent", (own,)))
    assert [path.name for path in folder.iterdir()] == [".lock"]
