"""Progress of the work with TensorFlow: for the log, and for the caller of a worker."""

import contextlib
import contextvars
import enum
import logging
from collections.abc import Iterator

PROGRESS = logging.getLogger(__name__)
"""Each phase is one record with the attributes `phase`, `boundary` and `signature`."""

_signature = contextvars.ContextVar("signature", default="")


class Phase(str, enum.Enum):
    """A part of the work, worded to follow "while it was"."""

    IMPORTING = "importing TensorFlow"
    LOADING_KERAS = "loading the Keras model"
    EXPORTING_KERAS = "exporting the Keras model"
    SAMPLING = "sampling the examples"
    LOADING = "loading the SavedModel"
    SPLITTING = "splitting the signature"
    CALIBRATING = "reading the calibration sample"
    CONVERTING = "converting"
    INSPECTING = "inspecting the model"
    LOADING_MODEL = "loading the TFLite model"
    VERIFYING = "verifying"
    COMPARING = "comparing"
    JOINING = "joining the signatures"
    TIMING = "measuring its latency"
    SAVING = "saving what belongs to the model"
    TRYING = "trying the TFLite model"
    FEEDING = "running the head on the examples"
    INSTALLING = "installing a target environment"
    RUNNING_ON_HOST = "running the model on the host"
    RUNNING_ON_TARGETS = "running the model on the targets"


def begin(phase: Phase, boundary: str = "") -> None:
    """Logs that a phase begins.

    Args:
        phase: The phase.
        boundary: The boundary at which the signature is split in this phase, if there is one.
    """
    step = {"phase": phase.value, "boundary": boundary, "signature": _signature.get()}
    PROGRESS.info("%s", words(**step), extra=step)


@contextlib.contextmanager
def on_signature(key: str) -> Iterator[None]:
    """Names the signature of the phases that begin in the block; empty if there is only one."""
    token = _signature.set(key)
    try:
        yield
    finally:
        _signature.reset(token)


def words(phase: str, boundary: str, signature: str) -> str:
    """A phase, worded to follow "while it was"."""
    place = f" at {boundary}" if boundary else ""
    return f"{phase}{place}" + (f", for signature {signature!r}" if signature else "")
