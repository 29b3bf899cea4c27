"""Temporary folders that a killed process does not leave behind for good."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

_PREFIX = ".tfx-tflite-"
_LOCK = "lock"
_CONTENT = "content"


@contextlib.contextmanager
def scratch(parent: str | None = None) -> Iterator[pathlib.Path]:
    """An empty temporary folder, gone when the block ends.

    A process that is killed cannot clean up. So each folder is locked as long as its process lives,
    and whoever makes the next one beside it removes those that nobody holds any more.

    Args:
        parent: Where the folder is made; the system's place for temporary files if None.
    """
    parent = parent or tempfile.gettempdir()
    _sweep(parent)
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
    try:
        with _locked(folder):
            content = pathlib.Path(folder, _CONTENT)
            content.mkdir()
            yield content
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    lock = os.path.join(folder, _LOCK)
    with open(f"{lock}.new", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            # a file system without locks: no one can tell whether this process lives
            yield
            return
        # under this name it is locked from the beginning
        os.rename(file.name, lock)
        yield


def _sweep(parent: str) -> None:
    """Removes what killed processes left."""
    for lock in pathlib.Path(parent).glob(f"{_PREFIX}*/{_LOCK}"):
        # another user's, or gone meanwhile, or held by a process that lives
        with contextlib.suppress(OSError), lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent)
