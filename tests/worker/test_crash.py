"""What the death of a worker means."""

import signal

import pytest

from tfx_tflite_component.worker.crash import death


@pytest.mark.parametrize(
    "said",
    [
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "MemoryError",
        "OOM when allocating tensor with shape[1024,1024]",
        "LLVM ERROR: out of memory",
        "ImportError: libtensorflow_cc.so.2: failed to map segment from shared object",
        "OSError: [Errno 12] Cannot allocate memory",
        "RuntimeError: can't start new thread",
        "terminate called ... what():  Resource temporarily unavailable",
        "Tensorflow: pthread_create() failed",
    ],
)
@pytest.mark.parametrize("returncode", [1, -signal.SIGABRT])
def test_lack_of_memory_is_not_a_defect(said: str, returncode: int) -> None:
    error = death(returncode, f"a line\n{said}\n", None, "converting", "RAW_FEATURES")
    assert not error.crashed
    assert "ran out of memory" in str(error)


def test_crash_without_a_word_of_memory_is_a_defect() -> None:
    error = death(-signal.SIGSEGV, "loading\n", None, "converting", "RAW_FEATURES", "embed")
    assert error.crashed
    assert (error.phase, error.boundary) == ("converting", "RAW_FEATURES")
    assert error.signature == "embed"
    assert "while it was converting at RAW_FEATURES, for signature 'embed'." in str(error)
    assert error.how == "was killed by SIGSEGV"


def test_time_limit_is_not_a_defect() -> None:
    error = death(-signal.SIGKILL, "", 7200, "verifying")
    assert not error.crashed
    assert "time_limit_seconds" in str(error)
