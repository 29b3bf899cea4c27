"""Between the file systems of artifacts and the local one, on which TensorFlow's tools work."""

import contextlib
import errno
import os
import pathlib
import stat
from collections.abc import Collection, Iterator

import tensorflow as tf
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
        StorageError: It cannot be read, or there is no room for the copy.
    """
    if _SCHEME not in uri:
        yield pathlib.Path(uri)
        return
    with scratch() as folder:
        path = folder / "source"
        with storage_errors(f"the copy of {uri} to {folder}", tf.errors.OpError):
            if fileio.exists(uri):
                io_utils.copy_dir(uri, str(path))
        yield path


@contextlib.contextmanager
def staged(uri: str, owned: Collection[str] = ()) -> Iterator[pathlib.Path]:
    """A local folder whose content moves to `uri` when the block ends without an error.

    Where there is nothing at `uri` on a local file system, all of it appears there in one step: the
    staging folder is beside `uri`, so that moving is renaming. Else, what an earlier attempt left
    under the same names is replaced. The model is the first to go and the last to come, so that
    there is never one without what belongs to it.

    Args:
        uri: The folder to write to.
        owned: What goes from there as well, where the new content has nothing of that name.

    Raises:
        StorageError: `uri` cannot be written.
    """
    with contextlib.ExitStack() as stack:
        # a place that cannot be written is refused before minutes are spent
        with storage_errors(uri):
            target = _local_target(uri)
            _check_is_no_file(uri, target)
            if target:
                os.makedirs(target.parent, exist_ok=True)
            folder = stack.enter_context(scratch(str(target.parent) if target else None))
        yield folder
        with storage_errors(uri, tf.errors.OpError):
            if not target:
                _upload(folder, uri, owned)
            elif target.exists() and any(target.iterdir()):
                _replace(folder, target, owned)
            else:
                os.replace(folder, target)


def _local_target(uri: str) -> pathlib.Path | None:
    """The folder that `uri` is; None where nothing beside it can be renamed to it."""
    path = pathlib.Path(os.path.realpath(uri))
    return None if _SCHEME in uri or path.is_mount() else path


def _check_is_no_file(uri: str, target: pathlib.Path | None) -> None:
    if target:
        try:
            is_file = not stat.S_ISDIR(os.stat(target).st_mode)
        except FileNotFoundError:
            is_file = False
    else:
        is_file = fileio.exists(uri) and not fileio.isdir(uri)
    if is_file or not uri:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), uri or "''")


def _replace(folder: pathlib.Path, target: pathlib.Path, owned: Collection[str]) -> None:
    names = [entry.name for entry in sorted(folder.iterdir(), key=_holds_model)]
    # by renaming alone: who is killed meanwhile leaves each entry whole, or not at all
    with scratch(str(target.parent)) as old:
        try:
            for name in [*reversed(names), *sorted(set(owned) - set(names))]:
                _move(target / name, old / name)
            for name in names:
                os.rename(folder / name, target / name)
        except BaseException:
            for name in names:
                if not (folder / name).exists():
                    os.rename(target / name, folder / name)
            for entry in sorted(old.iterdir(), key=_holds_model):
                os.rename(entry, target / entry.name)
            raise


def _move(source: pathlib.Path, target: pathlib.Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rename(source, target)


def _holds_model(entry: pathlib.Path) -> bool:
    return _is_model(entry) or (entry / MODEL_FILENAME).exists()


def _upload(folder: pathlib.Path, uri: str, owned: Collection[str]) -> None:
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    files.sort(key=_is_model)
    # the model itself goes first: the files of the folder that it is in go one by one
    entries = [entry.relative_to(folder) for entry in folder.iterdir()]
    for path in [*filter(_is_model, files), *entries, *map(pathlib.Path, owned)]:
        _remove(os.path.join(uri, path))
    for path in files:
        target = os.path.join(uri, path)
        fileio.makedirs(os.path.dirname(target))
        fileio.copy(str(folder / path), target, overwrite=True)


def _is_model(path: pathlib.Path) -> bool:
    return path.name == MODEL_FILENAME


def _remove(uri: str) -> None:
    if fileio.isdir(uri):
        fileio.rmtree(uri)
    elif fileio.exists(uri):
        fileio.remove(uri)
