"""Between the file systems of artifacts and the local one, on which TensorFlow's tools work."""

import contextlib
import errno
import os
import pathlib
import shutil
import stat
from collections.abc import Iterator

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from tfx_tflite_component.layout import MODEL_FILENAME
from tfx_tflite_component.scratch import scratch
from tfx_tflite_component.storage import storage_errors

_SCHEME = "://"


@contextlib.contextmanager
def local_copy(uri: str) -> Iterator[pathlib.Path]:
    """A folder as a local one: itself if it is local, a temporary copy if it is not.

    Raises:
        StorageError: There is no room for the copy.
    """
    if _SCHEME not in uri:
        yield pathlib.Path(uri)
        return
    with scratch() as folder:
        path = folder / "source"
        with storage_errors(f"the copy of {uri}"):
            if fileio.exists(uri):
                io_utils.copy_dir(uri, str(path))
        yield path


@contextlib.contextmanager
def staged(uri: str) -> Iterator[pathlib.Path]:
    """A local folder whose content moves to `uri` when the block ends without an error.

    Where there is nothing at `uri` on a local file system, all of it appears there in one step: the
    staging folder is beside `uri`, so that moving is renaming. Else, what an earlier attempt left
    under the same names is replaced. The model is the first to go and the last to come, so that
    there is never one without what belongs to it.

    Raises:
        StorageError: `uri` cannot be written.
    """
    is_local = _SCHEME not in uri
    beside = os.path.dirname(os.path.abspath(uri)) if is_local else None
    with contextlib.ExitStack() as stack:
        with storage_errors(uri):
            _check_is_no_file(uri)
            if beside:
                os.makedirs(beside, exist_ok=True)
            else:
                # a file system that is not known is refused before minutes are spent
                fileio.exists(uri)
            folder = stack.enter_context(scratch(beside))
        yield folder
        with storage_errors(uri):
            if not is_local:
                _upload(folder, uri)
            elif _is_free(uri):
                os.replace(folder, uri)
            else:
                _replace(folder, pathlib.Path(uri))


def _check_is_no_file(uri: str) -> None:
    """Finds out before the work is done that it could not be stored."""
    if _SCHEME in uri:
        is_file = fileio.exists(uri) and not fileio.isdir(uri)
    else:
        try:
            is_file = not stat.S_ISDIR(os.stat(uri).st_mode)
        except FileNotFoundError:
            # a link to nowhere can be neither written to nor replaced by renaming
            is_file = not uri or os.path.islink(uri)
    if is_file:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), uri or "''")


def _is_free(path: str) -> bool:
    if os.path.islink(path) or os.path.ismount(path):
        return False
    return not os.path.exists(path) or (os.path.isdir(path) and not os.listdir(path))


def _replace(folder: pathlib.Path, target: pathlib.Path) -> None:
    entries = sorted(folder.iterdir(), key=_holds_model)
    for entry in reversed(entries):
        _remove(target / entry.name)
    for entry in entries:
        shutil.move(entry, target / entry.name)


def _holds_model(entry: pathlib.Path) -> bool:
    return entry.name == MODEL_FILENAME or (entry / MODEL_FILENAME).exists()


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _upload(folder: pathlib.Path, uri: str) -> None:
    for entry in sorted(folder.iterdir(), key=_holds_model, reverse=True):
        target = os.path.join(uri, entry.name)
        if fileio.isdir(target):
            fileio.rmtree(target)
        elif fileio.exists(target):
            fileio.remove(target)
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == MODEL_FILENAME):
        target = os.path.join(uri, path.relative_to(folder))
        fileio.makedirs(os.path.dirname(target))
        fileio.copy(str(path), target, overwrite=True)
