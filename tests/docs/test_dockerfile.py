"""The Dockerfile, as far as it can be tried without Docker."""

import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from versions import OF_NO_VERSION

pytestmark = [pytest.mark.process, OF_NO_VERSION]

_CHECKOUT = pathlib.Path(__file__).parents[2]
_TEXT = (_CHECKOUT / "Dockerfile").read_text()
_COPIES = [line.split()[1:] for line in re.findall("^COPY .*$", _TEXT, re.MULTILINE)]


def test_default_version_of_tfx_is_one_that_is_tested() -> None:
    (version,) = re.findall("^ARG TFX_VERSION=(.*)$", _TEXT, re.MULTILINE)
    locks = (_CHECKOUT / "requirements").glob("*.in")
    assert f"tfx=={version}" in {line for lock in locks for line in lock.read_text().splitlines()}


def test_builder_gets_what_is_copied_and_nothing_else() -> None:
    first, *allowed = (_CHECKOUT / ".dockerignore").read_text().splitlines()[1:]
    assert first == "*"
    copied = {f"!{source}" for *sources, _ in _COPIES for source in sources}
    assert set(allowed) == copied | {"**/__pycache__"}


@pytest.mark.slow
def test_copied_files_make_a_complete_package(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "root"
    for *sources, destination in _COPIES:
        for source in sources:
            target = root / destination.lstrip("/")
            if (_CHECKOUT / source).is_dir():
                shutil.copytree(_CHECKOUT / source, target)
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(_CHECKOUT / source, target)
    package = root / "tmp" / "package"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, package], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    tracked = subprocess.check_output([*listed, "tfx_tflite_component"], cwd=_CHECKOUT, text=True)
    assert packed == set(tracked.split())
