"""Files on any file system; local ones need neither TFX nor TensorFlow."""

import os
import pathlib
from types import ModuleType

from tfx_tflite_component.errors import StorageError

_SCHEME = "://"


def is_local(uri: str) -> bool:
    """Whether a path is local, without a scheme such as `gs://`."""
    return _SCHEME not in uri


def fileio() -> ModuleType:
    """TFX's access to file systems that are not local.

    Raises:
        StorageError: TFX is not installed.
    """
    try:
        from tfx.dsl.io import fileio
    except ModuleNotFoundError as e:
        raise StorageError(
            f"Only local paths can be used here, as a package is missing: {e}. Name a local path, "
            "or install tfx."
        ) from e
    return fileio


def errors_of(uri: str) -> tuple[type[Exception], ...]:
    """The errors besides OSError that access to a path can raise."""
    if is_local(uri):
        return ()
    import tensorflow as tf

    return (tf.errors.OpError,)


def exists(uri: str) -> bool:
    """Whether there is a file or folder."""
    return os.path.exists(uri) if is_local(uri) else fileio().exists(uri)


def names_in(uri: str) -> list[str]:
    """The names of what is in a folder; empty if there is none."""
    if is_local(uri):
        return os.listdir(uri) if os.path.isdir(uri) else []
    if not fileio().isdir(uri):
        return []
    return [os.fsdecode(name).rstrip("/") for name in fileio().listdir(uri)]


def read_text(uri: str) -> str:
    """The text in a file.

    Raises:
        OSError: It cannot be read; for one that is not local, also one of `errors_of`.
    """
    if is_local(uri):
        return pathlib.Path(uri).read_text()
    with fileio().open(uri) as file:
        return file.read()
