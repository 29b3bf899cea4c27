"""Between the file systems of artifacts and the local one, on which TensorFlow's tools work."""

import contextlib
import errno
import fcntl
import os
import pathlib
import re
import shutil
import stat
from collections.abc import Collection, Iterator

import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from tfx_tflite_component.artifact_layout import MODEL_FILENAME
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.storage.storage_errors import storage_errors

_SCHEME = "://"
_OCTAL = re.compile(rb"\\(\d{3})")


def absolute(uri: str) -> str:
    """The same place, for a process that is somewhere else."""
    return os.path.abspath(uri) if uri and _SCHEME not in uri else uri


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
    staging folder is beside `uri`, so that moving is renaming. In a folder that is there, what an
    earlier attempt left under the same names is replaced. The model is the first to go and the last
    to come, so that there is never one without what belongs to it.

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
                _make_folders(target.parent, stack)
            folder = stack.enter_context(scratch(_staging_place(target) if target else None))
        yield folder
        with storage_errors(uri, tf.errors.OpError):
            if not target:
                _upload(folder, uri, owned)
                return
            with _one_at_a_time(target.parent):
                if target.exists():
                    _replace(folder, target, owned)
                else:
                    os.rename(folder, target)


def _make_folders(path: pathlib.Path, stack: contextlib.ExitStack) -> None:
    """Makes a folder and those above it, which go again if nothing comes into them."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    os.makedirs(path, exist_ok=True)
    for folder in reversed(missing):
        stack.callback(_remove_empty, folder)


def _remove_empty(folder: pathlib.Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _local_target(uri: str) -> pathlib.Path | None:
    return None if _SCHEME in uri else pathlib.Path(os.path.realpath(uri))


def _staging_place(target: pathlib.Path) -> str:
    """Beside a folder; in it, if nothing can be made beside it or renamed from there."""
    beside = target.parent
    is_apart = _is_mount_point(target) or not os.access(beside, os.W_OK | os.X_OK)
    return str(target if is_apart and target.is_dir() else beside)


def _is_mount_point(path: pathlib.Path) -> bool:
    """Whether something is mounted at a path, be it another folder of the same file system."""
    mounts = pathlib.Path("/proc/self/mountinfo").read_bytes().splitlines()
    # proc_pid_mountinfo(5): the fifth field, in which blanks are octal numbers
    points = (_OCTAL.sub(lambda m: bytes([int(m[1], 8)]), mount.split()[4]) for mount in mounts)
    return os.fsencode(path) in points


@contextlib.contextmanager
def _one_at_a_time(folder: pathlib.Path) -> Iterator[None]:
    """Waits until no other process publishes in a folder."""
    with contextlib.ExitStack() as stack:
        # where a folder cannot be locked, runs into the same one may mix
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
        is_file = fileio.exists(uri) and not fileio.isdir(uri)
    if is_file or not uri:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), uri or "''")


def _replace(folder: pathlib.Path, target: pathlib.Path, owned: Collection[str]) -> None:
    names = [entry.name for entry in sorted(folder.iterdir(), key=_holds_model)]
    # by renaming alone: who is killed meanwhile leaves each entry whole, or not at all
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
        # a folder that a container image brought along, below the layer that is written to
        shutil.move(source, target)


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
