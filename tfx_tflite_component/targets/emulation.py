"""The emulated 64-bit Arm machine: QEMU's user emulation and a Debian root with a Python."""

import pathlib
import re
import shutil

from tfx_tflite_component.errors import TargetError
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.targets.process import install, output_of

GLIBC_MINOR = 36
"""Of Debian 12, glibc 2.36."""

_QEMU = ("qemu-aarch64", "qemu-aarch64-static")
# Debian 12's QEMU 7.2 crashes with LiteRT 2.3; 10.0 was tried
_OLDEST_QEMU = 10
_QEMU_VERSION = re.compile(r"version (\d+)\.")
_ROOT = "debian-12-arm64"
_RELEASE = "bookworm"
# Python, and the libraries that it and the wheels need
_PACKAGES = (
    *("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libffi8", "libssl3"),
    *("libbz2-1.0", "liblzma5", "libuuid1"),
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib"),
)


def python_command(folder: pathlib.Path) -> tuple[str, ...]:
    """The command that starts the emulated Python; installs its root if that is missing.

    Args:
        folder: The folder of the environments.

    Raises:
        TargetError: QEMU is missing or too old, or the root cannot be installed.
        StorageError: The folder cannot be written.
    """
    qemu = _qemu()
    root = folder / _ROOT
    if not root.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _install_root(root)
    return (qemu, "-L", str(root), str(root / "usr" / "bin" / "python3.11"))


def _qemu() -> str:
    found = []
    for path in filter(None, map(shutil.which, _QEMU)):
        version = _QEMU_VERSION.search(output_of([path, "--version"]))
        if version and int(version[1]) >= _OLDEST_QEMU:
            return path
        found.append(f"{path} is version {version[1] if version else 'unknown'}")
    raise TargetError(
        f"A target with arch: AARCH64 needs {' or '.join(_QEMU)} of QEMU {_OLDEST_QEMU} or newer "
        f"on the PATH; {', '.join(found) or 'there is none'}. Install the package qemu-user of "
        "Debian 13, Ubuntu 25.04 or newer, or remove the target."
    )


def _install_root(root: pathlib.Path) -> None:
    """Unpacks Debian's arm64 packages into a root, without changing this machine's packages."""
    with scratch(str(root.parent)) as temporary:
        apt = _apt(temporary / "apt")
        content = temporary / "root"
        words = install([*apt, "update"]) or install(
            ["env", "-C", str(temporary / "apt"), *apt, "download", *_PACKAGES]
        )
        for package in sorted((temporary / "apt").glob("*.deb")):
            words = words or install(["dpkg-deb", "--extract", str(package), str(content)])
        if words:
            raise TargetError(
                f"The arm64 root is not installed in {root}, and cannot be installed, which takes "
                f"apt-get, Debian's archive keyring and a mirror that can be reached. It said:\n"
                f"{words}"
            )
        content.rename(root)


def _apt(folder: pathlib.Path) -> list[str]:
    """An apt-get of Debian's arm64 packages with lists and caches of its own."""
    for name in ("state/lists/partial", "cache/archives/partial", "etc"):
        (folder / name).mkdir(parents=True)
    (folder / "state" / "status").touch()
    (folder / "etc" / "sources.list").write_text(
        f"deb [arch=arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        f"http://deb.debian.org/debian {_RELEASE} main\n"
    )
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "root",
        "Dir::State": str(folder / "state"),
        "Dir::State::status": str(folder / "state" / "status"),
        "Dir::Cache": str(folder / "cache"),
        "Dir::Etc::sourcelist": str(folder / "etc" / "sources.list"),
        "Dir::Etc::sourceparts": "-",
    }
    return ["apt-get", *(part for o, v in options.items() for part in ("-o", f"{o}={v}"))]
