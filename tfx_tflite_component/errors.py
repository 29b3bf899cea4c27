"""The types of errors. Each message names the culprit, what was found, and the remedy.

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
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

_MOST_CHARACTERS = 10_000
# the longest path on Linux
_MOST_OF_A_WORD = 4096
_NOTEBOOK_WIDTH = 160
_Error = TypeVar("_Error", bound="RewriterError")
_LONG_WORD = re.compile(rf"\S{{{_MOST_OF_A_WORD + 1},}}")


def listed(names: Iterable[str]) -> str:
    """Names, quoted and joined for a message."""
    return ", ".join(repr(name) for name in names)


class RewriterError(Exception):
    """Base class of every error that this package raises on purpose.

    Its message is shortened to a readable size if it quotes long values.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_shortened(message))

    def attributes(self) -> dict[str, Any]:
        """What its constructor takes besides the message."""
        # `add_note` of Python 3.11 makes an attribute of its own
        return {name: value for name, value in vars(self).items() if name != "__notes__"}

    def with_message(self: _Error, message: str) -> _Error:
        """The same error with another message."""
        return type(self)(message, **self.attributes())

    def _render_traceback_(self) -> list[str]:
        """The lines that a notebook shows, as IPython asks for them, instead of the tracebacks.

        The message says what to do; the tracebacks lead through TFX and the worker.
        """
        lines = f"{type(self).__name__}: {self}".splitlines()
        return [part for line in lines for part in textwrap.wrap(line, _NOTEBOOK_WIDTH) or [""]]


def _shortened(message: str) -> str:
    """A message with the middle of long words removed and, if it is still long, its own middle."""
    message = _LONG_WORD.sub(lambda word: _without_middle(word[0], _MOST_OF_A_WORD), message)
    return _without_middle(message, _MOST_CHARACTERS)


def _without_middle(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}[... {len(text) - most} characters ...]{text[-(most // 2) :]}"


class ConfigError(RewriterError, ValueError):
    """The config has an unknown field, is out of range, or contradicts itself."""


class SourceModelError(RewriterError):
    """The SavedModel or its signature is missing or cannot be read."""


class ExamplesError(RewriterError):
    """The examples are missing, empty, or do not fit the model."""


class SplitError(RewriterError):
    """The serving graph cannot be split into a head and a tail at the configured boundary."""


class ConversionError(RewriterError):
    """The TFLite converter failed on the tail."""


class UnsupportedOpsError(ConversionError):
    """The model has ops that are not allowed, or that Python's interpreter cannot run.

    Attributes:
        ops: Their names.
        nodes: The nodes of the tail's graph that have these ops, or call functions that do.
    """

    def __init__(self, message: str, ops: Iterable[str] = (), nodes: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.ops = tuple(ops)
        self.nodes = tuple(nodes)


class VerificationError(RewriterError):
    """The TFLite model's outputs do not match the SavedModel's.

    Attributes:
        report: The JSON form of the rejected model's report; None if there is no report.
    """

    def __init__(self, message: str, report: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.report = report


class ModelFileError(RewriterError):
    """A file that should be a TFLite model is damaged or is not one."""


class StorageError(RewriterError):
    """A folder cannot be read or written: the disk is full, or permissions are missing."""


class TargetError(RewriterError):
    """The environment of a target cannot be installed, or its process cannot be started."""


class WorkerError(RewriterError):
    """The separate process that uses TensorFlow died, or took too long.

    Attributes:
        phase: The phase in which it died, worded to follow "while it was".
        boundary: The boundary of that phase; empty for phases without one.
        signature: The signature of that phase, if several are converted; empty otherwise.
        how: How it ended, such as "was killed by SIGSEGV".
        crashed: Whether a bug in a program killed it, and not the system or the time limit.
    """

    def __init__(
        self,
        message: str,
        phase: str = "",
        boundary: str = "",
        how: str = "",
        crashed: bool = False,
        signature: str = "",
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.boundary = boundary
        self.how = how
        self.crashed = crashed
        self.signature = signature


_TYPES = {
    error.__name__: error
    for error in (
        *(ConfigError, SourceModelError, ExamplesError, SplitError, ConversionError),
        *(UnsupportedOpsError, VerificationError, ModelFileError, StorageError, WorkerError),
    )
}


def error_to_json(error: RewriterError) -> dict[str, Any]:
    """The JSON form of an error."""
    return {"type": type(error).__name__, "message": str(error), "attributes": error.attributes()}


def error_from_json(data: Mapping[str, Any]) -> RewriterError:
    """The error from its JSON form."""
    return _TYPES[data["type"]](data["message"], **data["attributes"])
