"""What can go wrong, as types: each message names the culprit, what was found and the remedy."""

from collections.abc import Iterable


def listed(names: Iterable[str]) -> str:
    """Names as they read in a message."""
    return ", ".join(repr(name) for name in names)


class RewriterError(Exception):
    """Base class of every error that this package raises on purpose."""


class ConfigError(RewriterError, ValueError):
    """The configuration is unknown to this version, out of range or contradicts itself."""


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
    """The TFLite model does not compute what the SavedModel computes."""


class ModelFileError(RewriterError):
    """A file that is to be a TFLite model is damaged, or something else."""


class StorageError(RewriterError):
    """A folder cannot be read or written: the disk is full, or the rights are missing."""


class WorkerError(RewriterError):
    """The process that works with TensorFlow died, or took too long.

    Attributes:
        phase: What it was doing, as it reads in "while it was ...".
        how: What became of it, such as "was killed by SIGSEGV".
        crashed: Whether a defect of a program killed it, and not the system or the time limit.
    """

    def __init__(self, message: str, phase: str = "", how: str = "", crashed: bool = False) -> None:
        super().__init__(message)
        self.phase = phase
        self.how = how
        self.crashed = crashed
