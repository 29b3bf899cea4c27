"""Between the file systems of artifacts and the local one, on which TensorFlow's tools work."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from tfx.dsl.io import fileio
from tfx.utils import io_utils

_SCHEME = "://"


@contextlib.contextmanager
def local_copy(uri: str) -> Iterator[pathlib.Path]:
    """A folder as a local one: itself if it is local, a temporary copy if it is not."""
    if _SCHEME not in uri:
        yield pathlib.Path(uri)
        return
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-") as folder:
        path = pathlib.Path(folder, "source")
        if fileio.exists(uri):
            io_utils.copy_dir(uri, str(path))
        yield path


@contextlib.contextmanager
def staged(uri: str) -> Iterator[pathlib.Path]:
    """A local folder whose subfolders move to `uri` when the block ends without an error.

    What an earlier attempt left at `uri` is replaced. On a local file system each subfolder appears
    there whole: the staging folder is beside `uri`, so that moving is renaming.
    """
    is_local = _SCHEME not in uri
    beside = os.path.dirname(os.path.abspath(uri)) if is_local else None
    if beside:
        os.makedirs(beside, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tfx-tflite-", dir=beside) as folder:
        yield pathlib.Path(folder)
        fileio.makedirs(uri)
        for path in sorted(pathlib.Path(folder).iterdir(), reverse=True):
            target = os.path.join(uri, path.name)
            if fileio.exists(target):
                fileio.rmtree(target)
            if is_local:
                shutil.move(path, target)
            else:
                io_utils.copy_dir(str(path), target)
