"""The worker reaches the files of its task, and nothing else."""

import contextlib
import logging
import os
import pathlib
import socket
import tempfile
from collections.abc import Iterator

import pytest
from confined_tasks import ATTEMPT, Attempts, Outcome

from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.worker import landlock
from tfx_tflite_component.worker.confinement import confine_to_task, is_confined
from tfx_tflite_component.worker.environment import basic_environment, remote_environment
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.reach import environment_of, reach_of

_VERSION = landlock._version()
has_landlock = pytest.mark.skipif(_VERSION < 1, reason="this kernel has no Landlock")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with what a task is given and what it is not."""
    folder = tmp_path_factory.mktemp("confined")
    for name in ("source/saved_model.pb", "examples/train-0", "secret", "examples-of-others/x"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("content")
    (folder / "destination").mkdir()
    (folder / "source" / "link").symlink_to(folder / "secret")
    return folder


@contextlib.contextmanager
def _listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _outcome(folder: pathlib.Path, pattern: str) -> Outcome:
    read = (
        *("source/saved_model.pb", "examples/train-0", "secret", "source/link"),
        "examples-of-others/x",
    )
    write = ("destination/tflite", "source/written", "written", "examples/written")
    with _listening() as port, pytest.MonkeyPatch.context() as patch, Worker("confined_tasks") as w:
        patch.setenv("SECRET_TOKEN", "token")
        return w.ask(
            ATTEMPT,
            Attempts(
                source=str(folder / "source"),
                destination=str(folder / "destination"),
                files={"verification": Files("`examples`", [pattern])},
                read=(*(str(folder / name) for name in read), "/etc/passwd", "/proc/1/cmdline"),
                write=tuple(str(folder / name) for name in write),
                port=port,
                process=os.getpid(),
            ),
            time_limit_seconds=600,
        )


@pytest.fixture(scope="module")
def outcome(folder: pathlib.Path) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_TOKEN", "token")
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "secret"))
        return _outcome(folder, str(folder / "examples" / "train-*"))


def _names(outcome: Outcome, folder: pathlib.Path) -> set[str]:
    return {name.removeprefix(f"{folder}/") for name in outcome.succeeded}


@pytest.mark.process
@has_landlock
def test_worker_reads_and_writes_what_its_task_names(outcome: Outcome, folder: pathlib.Path):
    given = {"source/saved_model.pb", "examples/train-0", "destination/tflite"}
    assert given <= _names(outcome, folder)


@pytest.mark.process
@has_landlock
def test_worker_reads_no_other_file(outcome: Outcome, folder: pathlib.Path) -> None:
    others = {"secret", "source/link", "examples-of-others/x", "/etc/passwd", "/proc/1/cmdline"}
    assert _names(outcome, folder).isdisjoint(others)


@pytest.mark.process
@has_landlock
def test_worker_writes_no_other_file(outcome: Outcome, folder: pathlib.Path) -> None:
    assert _names(outcome, folder).isdisjoint({"source/written", "written", "examples/written"})
    assert not (folder / "written").exists()


@pytest.mark.process
@pytest.mark.skipif(_VERSION < 4, reason="this kernel does not restrict TCP")
def test_worker_connects_to_nothing(outcome: Outcome) -> None:
    assert "connect" not in outcome.succeeded


@pytest.mark.process
@pytest.mark.skipif(_VERSION < 6, reason="this kernel does not restrict signals")
def test_worker_signals_no_other_process(outcome: Outcome) -> None:
    assert "signal" not in outcome.succeeded


@pytest.mark.process
@has_landlock
def test_worker_knows_that_it_is_confined(outcome: Outcome) -> None:
    assert outcome.confined


@pytest.mark.process
def test_worker_gets_no_tokens(outcome: Outcome) -> None:
    assert outcome.environment.keys().isdisjoint({"SECRET_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"})


@pytest.mark.process
def test_home_of_the_worker_is_its_scratch_folder(outcome: Outcome) -> None:
    temporary = outcome.environment["TMPDIR"]
    assert outcome.environment["HOME"] == outcome.environment["KERAS_HOME"] == temporary
    assert not os.path.exists(temporary)


@pytest.mark.process
@has_landlock
def test_worker_reaches_the_network_for_remote_examples(folder: pathlib.Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(folder / "secret"))
        outcome = _outcome(folder, "gs://bucket/train-*")
    assert {"connect", "secret"} <= _names(outcome, folder)
    assert outcome.environment["GOOGLE_APPLICATION_CREDENTIALS"] == str(folder / "secret")
    assert "examples/train-0" not in _names(outcome, folder)


def test_kernel_without_landlock_is_named_in_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(landlock, "_version", lambda: -1)
    with caplog.at_level(logging.WARNING):
        confine_to_task({"request": {}, "environment": {}})
    (record,) = caplog.records
    assert "is not confined: this kernel has no Landlock" in record.message
    assert not is_confined()


def _is_denied_in_a_fork(path: pathlib.Path, version: int) -> bool:
    child = os.fork()
    if not child:
        landlock._version = lambda: version
        try:
            landlock.restrict([], [], needs_network=False)
            path.read_text()
        except PermissionError:
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@has_landlock
@pytest.mark.parametrize("version", range(1, _VERSION + 1))
def test_every_version_of_landlock_confines(version: int, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret").write_text("content")
    assert _is_denied_in_a_fork(tmp_path / "secret", version)


def test_pattern_lets_its_folder_be_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a[1]").write_text("")

    def readable(*patterns: str) -> tuple[str, ...]:
        return reach_of({"files": {"verification": {"name": "", "patterns": patterns}}}).readable

    assert readable("/data/train-*.gz", "/data/x", "/data/*/y") == ("/data", "/data/x", "/data")
    assert readable(f"{tmp_path}/a[1]") == (f"{tmp_path}/a[1]",)


def test_file_that_is_to_be_written_lets_its_folder_be_written(tmp_path: pathlib.Path) -> None:
    files = {"name": "", "patterns": ["/data/x"]}
    reach = reach_of({"head": "/head", "files": files, "destination": f"{tmp_path}/fed.npz"})
    assert reach.readable == ("/head", "/data/x")
    assert reach.writable == (tempfile.gettempdir(), str(tmp_path))


def test_request_without_files_reaches_the_temporary_folder_only() -> None:
    reach = reach_of({"model_dir": "/models/1"})
    assert (reach.readable, reach.writable) == ((), (tempfile.gettempdir(),))
    assert not reach.is_remote


def test_environment_holds_what_programs_need_and_no_more() -> None:
    kept = {"PATH": "/bin", "HTTPS_PROXY": "proxy", "TF_X": "1", "LC_ALL": "C", "PYTHONUTF8": "1"}
    remote = {"AWS_SECRET_ACCESS_KEY": "key", "GCS_READ_CACHE_DISABLED": "1"}
    others = {"GITHUB_TOKEN": "token", "HOME": "/home/me", "KERAS_HOME": "/k", "NAME": "x"}
    environment = {**kept, **remote, **others}
    homes = {"HOME": "/scratch", "KERAS_HOME": "/scratch"}
    assert basic_environment(environment, "/scratch") == {**kept, **homes}
    assert remote.items() <= remote_environment(environment).items()
    assert remote_environment(environment).keys().isdisjoint({*kept, *others})


def test_local_tasks_get_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    assert environment_of({"source": "/models/1"}) == {}
    assert "AWS_SECRET_ACCESS_KEY" in environment_of({"source": "s3://models/1"})
