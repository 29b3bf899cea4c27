"""Trouble with storage, such as a full disk, as an error of this package."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from tfx_tflite_component.errors import StorageError

# What TensorFlow raises for a full disk, and where the user has no rights.
_TENSORFLOW_ERRORS = (tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError)
_FOLDER = "Name a folder, or a new one in a folder"
_MAKE_ROOM = "Make room there, or give this process the right to write"


@contextlib.contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Raises what a block has to complain of storage as a StorageError.

    Args:
        what: What is read or written, for the message.
    """
    try:
        yield
    except NotADirectoryError as e:
        raise _storage_error(what, f"{e.strerror} ({e.filename})", _FOLDER) from e
    except OSError as e:
        file = f" ({e.filename})" if e.filename else ""
        raise _storage_error(what, f"{e.strerror or e}{file}") from e
    except _TENSORFLOW_ERRORS as e:
        raise _storage_error(what, e.message) from e
    except tf.errors.UnimplementedError as e:
        raise StorageError(
            f"Storage failed for {what}: {e.message}. Nothing was published. Name a place on a "
            "file system that TensorFlow knows here, or install the package that adds this one."
        ) from e


def _storage_error(what: str, found: str, remedy: str = _MAKE_ROOM) -> StorageError:
    return StorageError(f"Storage failed for {what}: {found}. Nothing was published. {remedy}.")
