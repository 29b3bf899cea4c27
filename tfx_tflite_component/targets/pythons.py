"""Finds a Python of a version for which a target's packages were built."""

import functools
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator, Sequence

from tfx_tflite_component.targets.process import output_of

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def find_python(versions: Sequence[str]) -> tuple[str, str] | None:
    """A Python of one of some versions on this machine, and its version; None if there is none.

    The Python of this process is preferred, then those on the PATH, then those that pyenv and uv
    installed.

    Args:
        versions: The versions, such as "3.10".
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if own in versions:
        return sys.executable, own
    candidates = ((path, version) for version in versions for path in _candidates(version))
    return next((found for found in candidates if _version(found[0]) == found[1]), None)


def _candidates(version: str) -> Iterator[str]:
    if path := shutil.which(f"python{version}"):
        yield path
    home = pathlib.Path.home()
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    data = pathlib.Path(os.environ.get("XDG_DATA_HOME", home / ".local" / "share"))
    uv = pathlib.Path(os.environ.get("UV_PYTHON_INSTALL_DIR", data / "uv" / "python"))
    for folder in (
        *pyenv.glob(f"versions/{version}.*"),
        *uv.glob(f"cpython-{version}.*-linux-x86_64-gnu"),
    ):
        yield str(folder / "bin" / f"python{version}")


@functools.cache
def _version(python: str) -> str:
    # a shim of pyenv exists even if its version is not active, and then fails
    return output_of([python, "-I", "-S", "-c", _VERSION]).strip()
