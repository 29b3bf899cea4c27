"""Explains the death of a worker."""

import re
import signal

from tfx_tflite_component.errors import WorkerError
from tfx_tflite_component.progress import words

_LOG_LINES_IN_ERRORS = 12
_DEFECT = (
    "This is a defect of the TFLite converter or interpreter that the model brings to light. Try "
    "another input_boundary or quantization.mode, or another version of TensorFlow."
)
_SIGNALS = {number.value: number.name for number in signal.Signals}
_CRASHES = (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV)
# the messages of C++, Python, TensorFlow and LLVM
_OUT_OF_MEMORY = re.compile(
    r"std::bad_alloc|MemoryError|OOM when allocating|out of memory|pthread_create\(\) failed"
    r"|[Cc]annot allocate memory|failed to map segment|can't start new thread"
    r"|[Tt]hread (constructor|creation).*failed|Resource temporarily unavailable"
)


def death(
    returncode: int,
    log: str,
    limit: float | None,
    phase: str,
    boundary: str = "",
    signature: str = "",
) -> WorkerError:
    """The error for a process that ended without an answer.

    Args:
        returncode: As `subprocess` gives it.
        log: The end of its log.
        limit: The time limit in seconds, if that is what ended it.
        phase: The phase in which it died.
        boundary: The boundary of that phase; empty for phases without one.
        signature: The signature of that phase, if several are converted; empty otherwise.
    """
    lines = [line for line in log.splitlines() if line.strip()][-_LOG_LINES_IN_ERRORS:]
    number = -returncode if returncode < 0 else None
    how = f"ended with exit code {returncode} and without an answer"
    if number:
        how = f"was killed by {_SIGNALS.get(number, f'signal {number}')}"
    if limit is not None:
        how = f"was ended after {limit:g} seconds, its time limit,"
    remedy = _remedy(number, lines, limit)
    place = words(phase, boundary, signature)
    last_words = "\n".join(f"  {line}" for line in lines)
    return WorkerError(
        f"The process that works with TensorFlow {how} while it was {place}. Nothing was "
        f"published. {remedy}\nThe end of its log:\n{last_words}",
        phase=phase,
        boundary=boundary,
        signature=signature,
        how=how,
        crashed=remedy is _DEFECT,
    )


def _remedy(number: int | None, lines: list[str], limit: float | None) -> str:
    if limit is not None:
        return "Set time_limit_seconds to more if it needs more."
    if any(map(_OUT_OF_MEMORY.search, lines)):
        return "It ran out of memory: give this step more, or set a smaller batch_size."
    if number == signal.SIGKILL:
        return "Most likely the machine ran out of memory: give this step more."
    return _DEFECT if number in _CRASHES else ""
