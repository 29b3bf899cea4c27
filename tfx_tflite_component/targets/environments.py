"""The environments of targets: which packages each process runs with, on which Python."""

import dataclasses
import hashlib
import pathlib

from tfx_tflite_component.proto.tflite_infra_validator_pb2 import LiteRT, Target

X86_64, AARCH64 = "x86_64", "aarch64"
"""The processors, by their names in wheels."""

DEFAULT_LITERT, DEFAULT_TFLITE = "2.3.0", "2.14.0"

_REQUIREMENTS = pathlib.Path(__file__).with_name("requirements")
# The Python versions for which the package index has wheels.
_PYTHONS_OF_LITERT = {
    "1.0.1": ("3.10", "3.11"),
    "1.2.0": ("3.10", "3.11", "3.12"),
    "1.4.0": ("3.10", "3.11", "3.12"),
    "2.1.6": ("3.10", "3.11", "3.12", "3.13"),
    "2.3.0": ("3.10", "3.11", "3.12", "3.13"),
}
_PYTHONS_OF_TFLITE = {
    "2.8.0": ("3.9",),
    "2.9.1": ("3.9",),
    "2.10.0": ("3.9",),
    "2.11.0": ("3.9",),
    "2.12.0": ("3.9",),
    "2.13.0": ("3.9", "3.10"),
    "2.14.0": ("3.9", "3.10", "3.11"),
}
_PYTHONS_OF_COMPILERS = ("3.10", "3.11", "3.12", "3.13")
# The Python of Debian 12, which the emulated machine runs.
_PYTHON_OF_AARCH64 = "3.11"


@dataclasses.dataclass(frozen=True)
class Environment:
    """The environment in which the process of a target runs.

    Attributes:
        name: Its name, which is that of its requirements.
        pythons: The versions of Python that it can have, such as "3.10".
        arch: The processor: "x86_64" or "aarch64".
    """

    name: str
    pythons: tuple[str, ...]
    arch: str = X86_64

    @property
    def requirements(self) -> pathlib.Path:
        """The file of its requirements, pinned and with hashes."""
        return _REQUIREMENTS / f"{self.name.removesuffix(f'-{AARCH64}')}.txt"

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with the requirements."""
        return hashlib.sha256(self.requirements.read_bytes()).hexdigest()[:12]


ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        *(Environment(f"litert-{v}", pythons) for v, pythons in _PYTHONS_OF_LITERT.items()),
        *(
            Environment(f"litert-{version}-{AARCH64}", (_PYTHON_OF_AARCH64,), AARCH64)
            for version in _PYTHONS_OF_LITERT
        ),
        *(Environment(f"tflite-{v}", pythons) for v, pythons in _PYTHONS_OF_TFLITE.items()),
        Environment("tflite-micro", _PYTHONS_OF_COMPILERS),
        Environment("ethos-u", _PYTHONS_OF_COMPILERS),
    )
}
"""All environments by name."""

VERSIONS = {"litert": tuple(_PYTHONS_OF_LITERT), "tflite": tuple(_PYTHONS_OF_TFLITE)}
"""The versions of the runtimes that have several, by the field of `Target`."""


def environment_of(target: Target) -> Environment | None:
    """The environment of a target; None for one that uses the environment of this process.

    Args:
        target: The target, as `read_validator_config` gives it.
    """
    match target.WhichOneof("runtime"):
        case "litert":
            suffix = f"-{AARCH64}" if target.litert.arch == LiteRT.AARCH64 else ""
            return ENVIRONMENTS[f"litert-{target.litert.version}{suffix}"]
        case "tflite":
            return ENVIRONMENTS[f"tflite-{target.tflite.version}"]
        case "tflite_micro":
            return ENVIRONMENTS["tflite-micro"]
        case "ethos_u":
            return ENVIRONMENTS["ethos-u"]
    return None
