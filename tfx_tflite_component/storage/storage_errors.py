"""Turns storage failures, such as a full disk, into errors of this package."""

import contextlib
import errno
from collections.abc import Iterator

from tfx_tflite_component.errors import StorageError

# TensorFlow's errors for a full disk, a file that is too large, missing permissions, and an unknown
# file system. By name, because TensorFlow may not be imported.
_UNKNOWN_FILE_SYSTEM = "UnimplementedError"
_TENSORFLOW_ERRORS = (
    *("ResourceExhaustedError", "OutOfRangeError", "PermissionDeniedError"),
    _UNKNOWN_FILE_SYSTEM,
)
_OUT_OF_MEMORY = "OOM when allocating"

_FOLDER = "Name an existing folder, or a new one inside an existing folder."
_MAKE_ROOM = "Free some space there, or give this process write permission."
_SHORTEN = "Name a shorter path."
_NAME_ANOTHER = (
    "Name a path on a file system that TensorFlow supports here, or install the package that adds "
    "this one."
)


@contextlib.contextmanager
def storage_errors(what: str, *others: type[Exception]) -> Iterator[None]:
    """Turns storage failures in the block into a StorageError.

    Args:
        what: The file or folder that is read or written, for the message.
        *others: Other exceptions that only storage can cause in this block.
    """
    try:
        yield
    except NotADirectoryError as e:
        raise _storage_error(what, f"{e.strerror} ({e.filename})", _FOLDER) from e
    except OSError as e:
        file = f" ({e.filename})" if e.filename else ""
        remedy = _SHORTEN if e.errno == errno.ENAMETOOLONG else _MAKE_ROOM
        raise _storage_error(what, f"{e.strerror or e}{file}", remedy) from e
    except Exception as e:
        kind = type(e).__name__
        if lack_of_memory(e) or not (kind in _TENSORFLOW_ERRORS or isinstance(e, others)):
            raise
        is_unknown = kind == _UNKNOWN_FILE_SYSTEM
        raise _storage_error(what, str(e), _NAME_ANOTHER if is_unknown else _MAKE_ROOM) from e


def lack_of_memory(error: BaseException | None) -> str:
    """The message of an out-of-memory error among an error's causes; empty if there is none."""
    if error is None:
        return ""
    is_one = isinstance(error, MemoryError) or _OUT_OF_MEMORY in str(error)
    return lack_of_memory(error.__cause__) or (f"{type(error).__name__}: {error}" if is_one else "")


def _storage_error(what: str, found: str, remedy: str = _MAKE_ROOM) -> StorageError:
    return StorageError(f"Storage failed for {what}: {found}. Nothing was published. {remedy}")
