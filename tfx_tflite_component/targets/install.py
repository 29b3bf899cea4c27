"""Installs the environments of targets into a folder, from pinned requirements with hashes."""

import contextlib
import fcntl
import os
import pathlib
import sys
from collections.abc import Iterator

from tfx_tflite_component.errors import TargetError, listed
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.storage.storage_errors import storage_errors
from tfx_tflite_component.targets import emulation
from tfx_tflite_component.targets.environments import AARCH64, Environment
from tfx_tflite_component.targets.process import Started, install
from tfx_tflite_component.targets.pythons import find_python

FOLDER_VARIABLE = "TFX_TFLITE_TARGETS"
"""The environment variable that names the folder of the environments."""

# PEP 600: manylinux_2_N wheels run on every glibc from 2.N on; the oldest tag is 2.5's
_OLDEST_GLIBC = 5
_LEGACY_TAGS = ("manylinux2014", "manylinux2010", "manylinux1")


def targets_folder() -> pathlib.Path:
    """Where environments are installed: $TFX_TFLITE_TARGETS, or tfx-tflite in the user's cache."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return pathlib.Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache, "tfx-tflite", "targets")


def prepare(environment: Environment) -> Started:
    """Returns how to start a process in an environment, which is installed if it is missing.

    Args:
        environment: The environment.

    Raises:
        TargetError: It is missing and cannot be installed.
        StorageError: The folder of the environments cannot be written.
    """
    command, python = _python(environment)
    name = f"{environment.name}-python{python}-{environment.digest}"
    folder = targets_folder()
    packages = folder / name
    if not packages.is_dir():
        with storage_errors(f"the target environments in {folder}"), _locked(folder):
            if not packages.is_dir():
                _install(environment, python, packages)
    return Started(command, packages)


def _python(environment: Environment) -> tuple[tuple[str, ...], str]:
    """The command of a Python for an environment, and its version."""
    if environment.arch == AARCH64:
        (version,) = environment.pythons
        return emulation.python_command(targets_folder()), version
    found = find_python(environment.pythons)
    if not found:
        raise TargetError(
            f"The target environment {environment.name} needs Python "
            f"{' or '.join(environment.pythons)}, and this machine has none: this is Python "
            f"{sys.version_info.major}.{sys.version_info.minor}, and no other is on the PATH. "
            f"Install one, for example with `uv python install {environment.pythons[-1]}`, or "
            "remove the target."
        )
    path, version = found
    return (path,), version


def _install(environment: Environment, python: str, packages: pathlib.Path) -> None:
    begin(Phase.INSTALLING)
    # an environment is either complete or missing
    with scratch(str(packages.parent)) as temporary:
        content = temporary / packages.name
        command = _pip(environment, python, content)
        if words := install(command):
            raise TargetError(
                f"The target environment {environment.name} is not installed in {packages.parent}, "
                f"and cannot be installed. Where a package index can be reached, run `tfx-tflite "
                f"targets install {environment.name}`; then set {FOLDER_VARIABLE} to its folder. "
                f"pip said:\n{words}"
            )
        content.rename(packages)


def _pip(environment: Environment, python: str, target: pathlib.Path) -> list[str]:
    """The command that installs an environment. The Python of the target does not need pip."""
    platforms = [option for tag in _platforms(environment.arch) for option in ("--platform", tag)]
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--target", str(target), "--no-deps", "--only-binary", ":all:", "--require-hashes"),
        *("--implementation", "cp", "--python-version", python, *platforms),
        *("--requirement", str(environment.requirements)),
    ]


def _platforms(arch: str) -> list[str]:
    """The tags of the wheels that run here, newest first."""
    minor = emulation.GLIBC_MINOR if arch == AARCH64 else _glibc_minor()
    versions = [f"manylinux_2_{number}" for number in range(minor, _OLDEST_GLIBC - 1, -1)]
    return [f"{tag}_{arch}" for tag in (*versions, *_LEGACY_TAGS)]


def _glibc_minor() -> int:
    found = os.confstr("CS_GNU_LIBC_VERSION") or ""
    name, _, version = found.partition(" ")
    if name != "glibc":
        raise TargetError(
            f"Target environments need glibc, which the wheels in them are built for; this machine "
            f"has {listed([found])}. Validate on a machine with glibc."
        )
    return int(version.split(".")[1])


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    """Lets only one process at a time install into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        # without locks, two processes may install the same, and the second fails to rename
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
