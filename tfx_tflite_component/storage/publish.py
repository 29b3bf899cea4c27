"""Copies folders between artifacts' file systems and the local one, which TensorFlow needs."""

import contextlib
import errno
import fcntl
import os
import pathlib
import re
import shutil
import stat
from collections.abc import Collection, Iterator

from tfx_tflite_component.artifact_layout import MODEL_FILENAME, is_model_file
from tfx_tflite_component.storage.files import errors_of, fileio, is_local
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.storage.storage_errors import storage_errors

_OCTAL = re.compile(rb"\\(\d{3})")


def absolute(uri: str) -> str:
    """The URI made absolute, for a process with another working directory."""
    return os.path.abspath(uri) if uri and is_local(uri) else uri


@contextlib.contextmanager
def local_copy(uri: str) -> Iterator[pathlib.Path]:
    """A local path of a folder: the folder itself if it is local, otherwise a temporary copy.

    Raises:
        StorageError: It cannot be read, or there is no room for the copy.
    """
    if is_local(uri):
        yield pathlib.Path(uri)
        return
    with scratch() as folder:
        path = folder / "source"
        with storage_errors(f"the copy of {uri} to {folder}", *errors_of(uri)):
            if fileio().exists(uri):
                _download(uri, path)
        yield path


def _download(uri: str, path: pathlib.Path) -> None:
    from tfx.utils import io_utils

    io_utils.copy_dir(uri, str(path))


@contextlib.contextmanager
def staged(uri: str, owned: Collection[str] = ()) -> Iterator[pathlib.Path]:
    """A local folder whose content moves to `uri` when the block ends without an error.

    If `uri` is on a local file system and does not exist yet, it appears there in one step: the
    staging folder is beside `uri`, so that moving it is a rename. In an existing folder, files of
    an earlier attempt with the same names are replaced. The old model is deleted first and the new
    one is written last, so that there is never a model without the files that belong to it.

    Args:
        uri: The folder to write to.
        owned: Names that are also deleted there, unless the new content has them.

    Raises:
        StorageError: `uri` cannot be written.
    """
    with contextlib.ExitStack() as stack:
        # fail early if the destination cannot be written
        with storage_errors(uri):
            target = _local_target(uri)
            _check_is_no_file(uri, target)
            if target:
                _make_folders(target.parent, stack)
            folder = stack.enter_context(scratch(_staging_place(target) if target else None))
        yield folder
        with storage_errors(uri, *errors_of(uri)):
            if not target:
                _upload(folder, uri, owned)
                return
            with _one_at_a_time(target.parent):
                if target.exists():
                    _replace(folder, target, owned)
                else:
                    os.rename(folder, target)


def _make_folders(path: pathlib.Path, stack: contextlib.ExitStack) -> None:
    """Creates missing folders; on exit removes those that are still empty."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    os.makedirs(path, exist_ok=True)
    for folder in reversed(missing):
        stack.callback(_remove_empty, folder)


def _remove_empty(folder: pathlib.Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _local_target(uri: str) -> pathlib.Path | None:
    return pathlib.Path(os.path.realpath(uri)) if is_local(uri) else None


def _staging_place(target: pathlib.Path) -> str:
    """A folder beside another, or inside it if a folder beside it does not work."""
    beside = target.parent
    is_apart = _is_mount_point(target) or not os.access(beside, os.W_OK | os.X_OK)
    return str(target if is_apart and target.is_dir() else beside)


def _is_mount_point(path: pathlib.Path) -> bool:
    """Whether something is mounted at a path, even another folder of the same file system."""
    mounts = pathlib.Path("/proc/self/mountinfo").read_bytes().splitlines()
    # proc_pid_mountinfo(5): the fifth field, in which spaces are octal escapes
    points = (_OCTAL.sub(lambda m: bytes([int(m[1], 8)]), mount.split()[4]) for mount in mounts)
    return os.fsencode(path) in points


@contextlib.contextmanager
def _one_at_a_time(folder: pathlib.Path) -> Iterator[None]:
    """Waits until no other process publishes to a folder."""
    with contextlib.ExitStack() as stack:
        # if a folder cannot be locked, runs that write to the same folder may mix
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _check_is_no_file(uri: str, target: pathlib.Path | None) -> None:
    if target:
        try:
            is_file = not stat.S_ISDIR(os.stat(target).st_mode)
        except FileNotFoundError:
            is_file = False
    else:
        is_file = fileio().exists(uri) and not fileio().isdir(uri)
    if is_file or not uri:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), uri or "''")


def _replace(folder: pathlib.Path, target: pathlib.Path, owned: Collection[str]) -> None:
    names = [entry.name for entry in sorted(folder.iterdir(), key=_holds_model)]
    # only by renaming: if this process is killed, each entry is complete or missing
    with scratch(_staging_place(target)) as old:
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
    try:
        os.rename(source, target)
    except FileNotFoundError:
        pass
    except OSError as e:
        if e.errno != errno.EXDEV:
            raise
        # a folder of a container image, below the writable layer
        shutil.move(source, target)


def _holds_model(entry: pathlib.Path) -> bool:
    return _is_model(entry) or (entry / MODEL_FILENAME).exists()


def _upload(folder: pathlib.Path, uri: str, owned: Collection[str]) -> None:
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    files.sort(key=_is_model)
    # delete the model itself first: the files of its folder are deleted one by one
    entries = [entry.relative_to(folder) for entry in folder.iterdir()]
    for path in [*filter(_is_model, files), *entries, *map(pathlib.Path, owned)]:
        _remove(os.path.join(uri, path))
    for path in files:
        target = os.path.join(uri, path)
        fileio().makedirs(os.path.dirname(target))
        fileio().copy(str(folder / path), target, overwrite=True)


def _is_model(path: pathlib.Path) -> bool:
    return path.name == MODEL_FILENAME or is_model_file(path.name)


def _remove(uri: str) -> None:
    if fileio().isdir(uri):
        fileio().rmtree(uri)
    elif fileio().exists(uri):
        fileio().remove(uri)
