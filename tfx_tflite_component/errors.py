"""What can go wrong, as types: each message names the culprit, what was found, and the remedy.

RewriterError              every error that this package raises on purpose
ConfigError              the config is unknown, out of range, or contradicts itself
SourceModelError         the SavedModel or its signature is missing or cannot be read
ExamplesError            the examples are missing, empty, or not what the model takes
SplitError               the signature cannot be split at the boundary
ConversionError          the TFLite converter refused the tail
UnsupportedOpsError    ... because of ops that are not allowed, or cannot be run here
VerificationError        the TFLite model does not compute what the SavedModel does
ModelFileError           a TFLite model is damaged, or the file is not one
StorageError             a folder cannot be read or written
WorkerError              the process that works with TensorFlow died, or took too long
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_MOST_CHARACTERS = 10_000
# no path of Linux is longer
_MOST_OF_A_WORD = 4096
_LONG_WORD = re.compile(rf"\S{{{_MOST_OF_A_WORD + 1},}}")


def listed(names: Iterable[str]) -> str:
    """Names as they read in a message."""
    return ", ".join(repr(name) for name in names)


class RewriterError(Exception):
    """Base class of every error that this package raises on purpose.

    Its message is of a size that can be read, however long the values are that it quotes.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_shortened(message))


def _shortened(message: str) -> str:
    """A message without the middle of its long words and, if it is still long, of itself."""
    message = _LONG_WORD.sub(lambda word: _without_middle(word[0], _MOST_OF_A_WORD), message)
    return _without_middle(message, _MOST_CHARACTERS)


def _without_middle(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}[... {len(text) - most} characters ...]{text[-(most // 2) :]}"


class ConfigError(RewriterError, ValueError):
    """The config is unknown to this version, out of range or contradicts itself."""


class SourceModelError(RewriterError):
    """The SavedModel, or the signature asked for, is missing or cannot be read."""


class ExamplesError(RewriterError):
    """The examples given are missing, empty or not what the model takes."""


class SplitError(RewriterError):
    """The serving graph cannot be split into a head and a tail at the boundary asked for."""


class ConversionError(RewriterError):
    """The TFLite converter refused the tail."""


class UnsupportedOpsError(ConversionError):
    """The model holds ops that the allowed op set does not cover, or that cannot be run here.

    Attributes:
        ops: Their names.
    """

    def __init__(self, message: str, ops: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.ops = tuple(ops)


class VerificationError(RewriterError):
    """The TFLite model does not compute what the SavedModel computes.

    Attributes:
        report: The JSON form of the report of the rejected model; None where there is none.
    """

    def __init__(self, message: str, report: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.report = report


class ModelFileError(RewriterError):
    """A file that should be a TFLite model is damaged or is not one."""


class StorageError(RewriterError):
    """A folder cannot be read or written: the disk is full, or the rights are missing."""


class TargetError(RewriterError):
    """The environment of a target cannot be installed, or its process cannot be started."""


class WorkerError(RewriterError):
    """The process that works with TensorFlow died, or took too long.

    Attributes:
        phase: What it was doing, as it reads in "while it was ...".
        boundary: The boundary at which it did that; empty for phases without one.
        how: What became of it, such as "was killed by SIGSEGV".
        crashed: Whether a defect of a program killed it, and not the system or the time limit.
    """

    def __init__(
        self,
        message: str,
        phase: str = "",
        boundary: str = "",
        how: str = "",
        crashed: bool = False,
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.boundary = boundary
        self.how = how
        self.crashed = crashed


_TYPES = {
    error.__name__: error
    for error in (
        *(ConfigError, SourceModelError, ExamplesError, SplitError, ConversionError),
        *(UnsupportedOpsError, VerificationError, ModelFileError, StorageError, WorkerError),
    )
}


def error_to_json(error: RewriterError) -> dict[str, Any]:
    """The JSON form of an error."""
    return {"type": type(error).__name__, "message": str(error), "attributes": vars(error)}


def error_from_json(data: Mapping[str, Any]) -> RewriterError:
    """The error of a JSON form."""
    return _TYPES[data["type"]](data["message"], **data["attributes"])
