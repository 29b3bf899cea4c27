"""The files that a task can reach by its request, and the network if some are remote."""

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from tfx_tflite_component.worker.environment import credential_files, remote_environment

_SCHEME = "://"
# The fields of requests that name files and folders.
_READ = ("source", "model", "golden", "head", "transform_graph")
_WRITTEN = ("destination",)
_PATTERNS = "files"
_WILDCARDS = "*?[\\"


@dataclasses.dataclass(frozen=True)
class Reach:
    """The files and network access that a task needs.

    Attributes:
        readable: Local files and folders that it reads.
        writable: Local files and folders that it writes.
        is_remote: Whether it reads files of remote file systems.
    """

    readable: tuple[str, ...]
    writable: tuple[str, ...]
    is_remote: bool


def reach_of(request: Mapping[str, Any]) -> Reach:
    """The files and network access that a task needs, by its request.

    Args:
        request: The request, as JSON.
    """
    read = [*_named(request, _READ), *map(_folder_of, _patterns(request))]
    is_remote = any(map(_is_remote, read))
    if is_remote:
        read += credential_files(os.environ)
    return Reach(
        tuple(path for path in read if not _is_remote(path)),
        (tempfile.gettempdir(), *map(_place_of, _named(request, _WRITTEN))),
        is_remote,
    )


def environment_of(request: Mapping[str, Any]) -> dict[str, str]:
    """The variables that a task needs besides the basic ones, by its request."""
    return remote_environment(os.environ) if reach_of(request).is_remote else {}


def _named(request: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    yield from filter(None, map(request.get, names))


def _patterns(request: Mapping[str, Any]) -> Iterator[str]:
    files = request.get(_PATTERNS) or {}
    # for one sample, or by what each sample is for
    for sampled in [files] if "patterns" in files else files.values():
        yield from sampled["patterns"]


def _folder_of(pattern: str) -> str:
    """The file that a pattern names, or the folder in which it looks for files."""
    first = next((at for at, character in enumerate(pattern) if character in _WILDCARDS), None)
    # a file may have a name that looks like a pattern
    if first is None or os.path.lexists(pattern):
        return pattern
    return os.path.dirname(pattern[:first])


def _place_of(path: str) -> str:
    """The path to make writable: for a missing file or folder, the folder around it."""
    return path if os.path.lexists(path) else os.path.dirname(path)


def _is_remote(path: str) -> bool:
    return _SCHEME in path
