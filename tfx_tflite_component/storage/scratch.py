"""Temporary folders that a killed process does not leave behind for good."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import stat
import tempfile
from collections.abc import Iterator

from tfx_tflite_component.storage.storage_errors import storage_errors

_PREFIX = ".tfx-tflite-"
_LOCK = "lock"
_CONTENT = "content"


@contextlib.contextmanager
def scratch(parent: str | None = None) -> Iterator[pathlib.Path]:
    """An empty temporary folder, deleted when the block ends.

    A killed process cannot clean up. So each folder is locked while its process lives, and the next
    process that makes a folder beside it deletes the folders that are no longer locked.

    Args:
        parent: Where the folder is made; the system's folder for temporary files if None.

    Raises:
        StorageError: It cannot be made.
    """
    with contextlib.ExitStack() as stack:
        with storage_errors(f"a temporary folder{f' in {parent}' if parent else ''}"):
            parent = parent or tempfile.gettempdir()
            _sweep(parent)
            content = _make(parent, stack)
        yield content


def _make(parent: str, stack: contextlib.ExitStack) -> pathlib.Path:
    folder = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    stack.callback(_remove, folder)
    try:
        lock = stack.enter_context((folder / _LOCK).open("w"))
        # without locks, other processes cannot tell whether this one is alive
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        content = folder / _CONTENT
        content.mkdir()
    except FileNotFoundError:  # another process deleted it before it was locked
        return _make(parent, stack)
    return content


def _sweep(parent: str) -> None:
    """Deletes the folders of killed processes."""
    for folder in pathlib.Path(parent).glob(f"{_PREFIX}*"):
        if not _is_ours(folder):
            continue
        with contextlib.suppress(OSError):
            folder.rmdir()  # empty: not locked yet, or no longer locked
        # deleted meanwhile, or locked by a live process
        with contextlib.suppress(OSError), (folder / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)


def _is_ours(folder: pathlib.Path) -> bool:
    """Whether it is this user's own folder: another user may have put a link there."""
    try:
        found = folder.lstat()
    except OSError:  # gone meanwhile
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _remove(folder: pathlib.Path) -> None:
    # copies may be in folders that are not writable
    for inner, _, _ in os.walk(folder / _CONTENT):
        with contextlib.suppress(OSError):
            os.chmod(inner, stat.S_IRWXU)
    # delete the lock last: if this process is killed meanwhile, another can delete the rest
    shutil.rmtree(folder / _CONTENT, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
