"""Rewriting in a process of its own."""

import concurrent.futures
import contextlib
import json
import logging
import os
import pathlib
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import pytest
import tensorflow as tf
from fake_tasks import BREAK, ECHO, LACK_OPS, REFUSE, Word
from models import example, save, save_parsing
from transformed import save_trained
from versions import CRASHES_IN_CALIBRATION, OF_NO_VERSION

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import SourceModelError, UnsupportedOpsError, WorkerError
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.storage.scratch import scratch
from tfx_tflite_component.worker.client import rewrite_in_worker
from tfx_tflite_component.worker.process import Worker, WorkerTraceback

pytestmark = pytest.mark.process


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where this process and the worker make their temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def destination(tmp_path):
    folder = tmp_path / "destination"
    folder.mkdir()
    return folder


def _rewrite(source, destination, config=None, samples=None):
    with Worker() as worker:
        return rewrite_in_worker(worker, source, destination, read_config(config), samples or {})


def _ask(task, word="model", seconds=60):
    with Worker("fake_tasks") as worker:
        return worker.ask(task, Word(word), seconds)


def _dying_by(tmp_path, monkeypatch, statement):
    """Makes every Python process that is started from here die."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, signal, sys, tempfile\n"
        "tempfile.mkdtemp()\n"
        "print('last words', file=sys.stderr, flush=True)\n"
        f"{statement}\n"
    )
    monkeypatch.syspath_prepend(folder)


def _descriptors() -> set[tuple[str, str]]:
    folder = pathlib.Path("/proc/self/fd")
    open_ones = [descriptor for descriptor in folder.iterdir() if descriptor.is_symlink()]
    return {(path.name, os.readlink(path)) for path in open_ones}


def _children() -> set[str]:
    return {
        child
        for thread in pathlib.Path("/proc/self/task").iterdir()
        for child in (thread / "children").read_text().split()
    }


@contextlib.contextmanager
def _leaving_nothing(temporary):
    """Checks that no file, no process and no open descriptor is left behind."""
    files, children, descriptors = set(temporary.iterdir()), _children(), _descriptors()
    yield
    assert set(temporary.iterdir()) == files
    assert _children() == children
    assert _descriptors() == descriptors


_BAD_ALLOC = "terminate called after throwing an instance of 'std::bad_alloc'"
_MEMORY = "ran out of memory: give this step more"
_DEFECT = "This is a defect of the TFLite converter or interpreter"


@pytest.mark.parametrize(
    ("statement", "how", "remedy", "crashed"),
    [
        ("os.abort()", "was killed by SIGABRT", _DEFECT, True),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV", _DEFECT, True),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL", _MEMORY, False),
        ("os.kill(os.getpid(), signal.SIGTERM)", "was killed by SIGTERM", "", False),
        (
            f'os.write(2, b"{_BAD_ALLOC}\\n  last words"); os.abort()',
            "was killed by SIGABRT",
            _MEMORY,
            False,
        ),
        ("os.kill(os.getpid(), 35)", "was killed by signal 35", "", False),
        ("os._exit(3)", "ended with exit code 3 and without an answer", "", False),
        ("os._exit(0)", "ended with exit code 0 and without an answer", "", False),
    ],
)
def test_death_of_the_worker_is_one_error_with_its_last_words(
    tmp_path, monkeypatch, temporary, destination, statement, how, remedy, crashed
):
    _dying_by(tmp_path, monkeypatch, statement)
    with _leaving_nothing(temporary), pytest.raises(WorkerError) as raised:
        _rewrite(tmp_path, destination)
    message = str(raised.value)
    assert f"{how} while it was importing TensorFlow. Nothing was published." in message
    assert remedy in message
    assert message.splitlines()[-1].endswith("  last words")
    assert (raised.value.how, raised.value.crashed) == (how, crashed)


@OF_NO_VERSION
def test_failure_to_start_the_process_is_reported(tmp_path, monkeypatch, temporary, destination):
    monkeypatch.setattr(sys, "executable", f"{tmp_path}/python")
    with (
        _leaving_nothing(temporary),
        pytest.raises(WorkerError, match=r"cannot be started: .*No such file .*/python'"),
    ):
        _rewrite(tmp_path, destination)


@OF_NO_VERSION
def test_death_is_noticed_though_another_process_has_the_pipe(
    tmp_path, monkeypatch, temporary, destination
):
    (tmp_path / "pid").touch()
    _dying_by(
        tmp_path,
        monkeypatch,
        "import subprocess\n"
        "pipe = int(sys.orig_argv[-3])\n"
        "stranger = subprocess.Popen(['sleep', '600'], pass_fds=[pipe])\n"
        f"open('{tmp_path}/pid', 'w').write(str(stranger.pid))\n"
        "os.abort()",
    )
    try:
        with pytest.raises(WorkerError, match="was killed by SIGABRT"):
            _rewrite(tmp_path, destination, "time_limit_seconds: 60")
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


@OF_NO_VERSION
def test_request_arrives_though_another_process_has_the_pipe(temporary):
    before = _descriptors()
    with Worker("fake_tasks") as worker:
        # as multiprocessing forks it
        sockets = [int(name) for name, what in _descriptors() - before if "socket" in what]
        stranger = subprocess.Popen(["sleep", "600"], pass_fds=sockets)
        try:
            assert worker.ask(ECHO, Word("heard"), 60) == Word("heard")
        finally:
            stranger.kill()
            stranger.wait()


@OF_NO_VERSION
def test_descriptors_may_have_large_numbers(temporary):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            stack.enter_context(open(os.devnull))
        assert _ask(ECHO) == Word("model")


@OF_NO_VERSION
def test_only_the_end_of_a_huge_log_is_read(tmp_path, monkeypatch, temporary, destination):
    _dying_by(tmp_path, monkeypatch, "os.write(2, b'word ' * 2**20); os.abort()")
    with _leaving_nothing(temporary), pytest.raises(WorkerError) as raised:
        _rewrite(tmp_path, destination)
    assert len(str(raised.value)) < 2**17


@OF_NO_VERSION
def test_worker_that_hangs_is_ended_after_its_time_limit(
    tmp_path, monkeypatch, temporary, destination
):
    _dying_by(tmp_path, monkeypatch, "import time; time.sleep(600)")
    start = time.monotonic()
    with _leaving_nothing(temporary), pytest.raises(WorkerError) as raised:
        _rewrite(tmp_path, destination, "time_limit_seconds: 1")
    assert time.monotonic() - start < 60
    assert "was ended after 1 seconds, its time limit, while it was importing" in str(raised.value)
    assert "Set time_limit_seconds to more" in str(raised.value)
    assert not raised.value.crashed


def test_interrupted_parent_ends_the_worker(tmp_path, monkeypatch, temporary, destination):
    _dying_by(tmp_path, monkeypatch, "import time; time.sleep(600)")
    interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    # a shell has what it starts in the background ignore the signal
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with _leaving_nothing(temporary), pytest.raises(KeyboardInterrupt):
            interrupt.start()
            _rewrite(tmp_path, destination)
    finally:
        signal.signal(signal.SIGINT, before)


_PARENT = """
import time
from tfx_tflite_component.worker.process import Worker
with Worker() as worker:
    print(worker._process.pid, flush=True)
    time.sleep(600)
"""


@OF_NO_VERSION
def test_worker_dies_with_a_parent_that_is_killed(temporary):
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    with parent:
        worker = pathlib.Path("/proc", parent.stdout.readline().strip())
        # it is past its first steps when it imports TensorFlow
        _wait_until(lambda: "tensorflow" in (worker / "maps").read_text())
        parent.kill()
    _wait_until(lambda: not _lives(worker))
    # what was left is gone with the next one
    with scratch():
        assert len(list(temporary.iterdir())) == 1


def _lives(process: pathlib.Path) -> bool:
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _bincount(features):
    counts = tf.math.bincount(tf.cast(features["x"], tf.int32), axis=-1, dtype=tf.float32)
    return {"counts": counts[:, :2]}


_CRASHING = "quantization { mode: FULL_INTEGER } verification { on_failure: WARN }"


def _save_crashing(folder, infer):
    """What the converter of TensorFlow 2.16 crashes on: it calibrates with an op that it lacks."""
    save_trained(folder / "model", _bincount, infer)
    records = folder / "examples"
    with tf.io.TFRecordWriter(str(records)) as writer:
        for value in (1.0, 2.0, 3.0):
            writer.write(example(text=["A b"], x=[value, 0.0]))
    files = Files("`examples`", [str(records)])
    return folder / "model", {"calibration": files, "verification": files}


@pytest.mark.slow
@pytest.mark.skipif(not CRASHES_IN_CALIBRATION, reason="this converter refuses the model in words")
def test_auto_continues_after_a_crash_of_the_converter(tmp_path, temporary, destination):
    source, samples = _save_crashing(
        tmp_path, lambda transformed, parsed: {"y": transformed["counts"] @ tf.ones([2, 3])}
    )
    with _leaving_nothing(temporary):
        report = _rewrite(source, destination, _CRASHING, samples)
    assert report.boundary == "TRANSFORMED_FEATURES"
    assert report.boundary_reason.endswith(
        "; RAW_FEATURES was skipped: the converter was killed by SIGSEGV"
    )
    assert "input_boundary" not in report.config
    assert list(report.inputs) == ["counts"]
    assert sorted(path.name for path in destination.iterdir()) == ["Format-Serving", "head"]


@pytest.mark.slow
@pytest.mark.skipif(not CRASHES_IN_CALIBRATION, reason="this converter refuses the model in words")
def test_crash_is_the_error_where_no_boundary_does(tmp_path, temporary, destination):
    source, samples = _save_crashing(
        tmp_path, lambda transformed, parsed: {"y": tf.math.erfinv(transformed["counts"] / 9)}
    )
    with _leaving_nothing(temporary), pytest.raises(WorkerError) as raised:
        _rewrite(source, destination, _CRASHING, samples)
    message = str(raised.value)
    assert "was killed by SIGSEGV while it was converting at RAW_FEATURES" in message
    assert "Splitting later in the graph also failed" in message
    assert "Erfinv" in message
    assert (raised.value.phase, raised.value.boundary) == ("converting", "RAW_FEATURES")


def test_lack_of_memory_is_not_blamed_on_the_model(tmp_path, temporary, destination):
    def fill(x):
        # a tebibyte for each example
        filled = tf.fill(tf.stack([tf.shape(x)[0], 2**19, 2**19]), x[0, 0])
        return {"y": tf.reduce_sum(filled, axis=[1, 2])}

    source = save(tmp_path / "model", fill, tf.TensorSpec([None, 1], tf.float32, "x"))
    with _leaving_nothing(temporary), pytest.raises(WorkerError) as raised:
        _rewrite(source, destination)
    assert _MEMORY in str(raised.value)
    assert "OOM when allocating" in str(raised.value)
    assert raised.value.phase == "verifying"
    assert not raised.value.crashed


def test_result_is_the_dataclass_that_the_task_returned(temporary):
    with _leaving_nothing(temporary):
        assert _ask(ECHO, "heard") == Word("heard")


def test_phases_and_warnings_of_the_worker_are_logged_here(temporary, caplog):
    with caplog.at_level(logging.INFO):
        _ask(ECHO, "it")
    assert "converting at RAW_FEATURES" in caplog.messages
    assert "about it" in caplog.messages


def test_error_of_the_worker_comes_through_a_thread_with_its_cause(temporary):
    with concurrent.futures.ThreadPoolExecutor(1) as pool, _leaving_nothing(temporary):
        future = pool.submit(_ask, REFUSE)
        with pytest.raises(SourceModelError, match="There is no model") as raised:
            future.result()
    assert isinstance(raised.value.__cause__, WorkerTraceback)
    assert "in _refuse" in str(raised.value.__cause__)
    assert list(temporary.iterdir()) == []


def test_error_keeps_its_attributes(temporary):
    with pytest.raises(UnsupportedOpsError) as raised:
        _ask(LACK_OPS, "Cholesky")
    assert raised.value.ops == ("Cholesky",)


def test_exception_that_is_not_ours_ends_the_worker_with_its_traceback(temporary):
    with pytest.raises(WorkerError, match=r"exit code 1(.|\n)*KeyError.*'training'"):
        _ask(BREAK, "training")


@OF_NO_VERSION
def test_examples_that_crash_tensorflow_do_so_in_the_worker(tmp_path, temporary, destination):
    # a record of 2^62 bytes, by a length whose checksum is right
    records = tmp_path / "examples"
    records.write_bytes(struct.pack("<QI", 2**62, 0x00F0857F) + b"abc")
    samples = {"verification": Files("`examples`", [str(records)])}
    with (
        _leaving_nothing(temporary),
        pytest.raises(WorkerError, match="while it was sampling the examples"),
    ):
        _rewrite(tmp_path, destination, samples=samples)


def test_worker_writes_the_model_and_answers_with_the_report(
    tmp_path, temporary, destination, caplog
):
    model = save_parsing(
        tmp_path / "model",
        {"x": tf.io.FixedLenFeature([], tf.float32)},
        lambda parsed: {"y": parsed["x"] * 2},
    )
    records = tmp_path / "examples"
    with tf.io.TFRecordWriter(str(records)) as writer:
        for value in (1.0, 2.0, 3.0):
            writer.write(example(x=[value]))
    # TensorFlow leaves files of its own in this process
    before = set(temporary.iterdir())
    samples = {"verification": Files("`examples`", [str(records)])}
    with caplog.at_level(logging.WARNING):
        config = "batch_size: 2 verification { num_examples: 4 }"
        report = _rewrite(model, destination, config, samples)
    assert "verification.num_examples is 4, but only 3 examples" in caplog.text
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report
    assert report.boundary == "RAW_FEATURES"
    written = pathlib.Path(destination, "Format-Serving", "tflite").read_bytes()
    assert written[4:8] == b"TFL3"
    assert sorted(path.name for path in destination.iterdir()) == ["Format-Serving", "head"]
    assert set(temporary.iterdir()) == before
