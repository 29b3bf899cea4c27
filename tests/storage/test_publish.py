"""Publication: a kill, a full disk or a slow neighbour leave no model, or a whole one."""

import concurrent.futures
import contextlib
import errno
import itertools
import os
import pathlib
import resource
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator

import pytest
from tfx.dsl.io import fileio
from versions import OF_NO_VERSION

from tfx_tflite_component.errors import StorageError
from tfx_tflite_component.storage import publish
from tfx_tflite_component.storage.publish import local_copy, staged
from tfx_tflite_component.storage.scratch import scratch

pytestmark = OF_NO_VERSION

_FILES = ("Format-Serving/tflite", "Format-Serving/assets/words.txt", "head/saved_model.pb")
# flat, as without a pipeline
_FLAT_FILES = ("tflite", "assets/words.txt", "head/saved_model.pb")


def _write(folder: pathlib.Path, content: str, files: tuple[str, ...] = _FILES) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content)


def _publish(uri: pathlib.Path | str, content: str, files: tuple[str, ...] = _FILES) -> None:
    with staged(str(uri)) as folder:
        _write(folder, content, files)


def _read(folder: pathlib.Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _complete(content: str, files: tuple[str, ...] = _FILES) -> dict[str, str]:
    return dict.fromkeys(files, content)


def _die_at(call: int) -> None:
    """Has this process killed before its n-th call that touches a file system."""
    left = call

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event == "open" or event.startswith(("os.", "shutil.", "fcntl.", "tempfile.")):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _killed_at(call: int, target: pathlib.Path, files: tuple[str, ...]) -> bool:
    """Publishes in a process of its own, and whether it died before it was done."""
    child = os.fork()
    if not child:
        _die_at(call)
        _publish(target, "new", files)
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def _leave_nothing(target: pathlib.Path) -> None:
    pass


def _leave_an_empty_folder(target: pathlib.Path) -> None:
    target.mkdir()


def _leave_a_model(target: pathlib.Path) -> None:
    _write(target, "old")


def _leave_a_flat_model(target: pathlib.Path) -> None:
    _write(target, "old", _FLAT_FILES)


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork")
@pytest.mark.parametrize(
    ("leave", "files"),
    [
        pytest.param(_leave_nothing, _FILES, id="nothing there"),
        pytest.param(_leave_an_empty_folder, _FILES, id="empty folder"),
        pytest.param(_leave_a_model, _FILES, id="retry"),
        pytest.param(_leave_a_flat_model, _FLAT_FILES, id="retry without a pipeline"),
    ],
)
def test_kill_at_any_call_leaves_no_partial_model_and_the_next_run_cleans_up(
    tmp_path, leave, files
):
    calls = 0
    is_killed = True
    while is_killed:
        calls += 1
        parent = tmp_path / str(calls)
        target = parent / "model"
        parent.mkdir()
        leave(target)
        is_killed = _killed_at(calls, target, files)
        found = _read(target)
        assert files[0] not in found or found in (_complete("old", files), _complete("new", files))
        assert set(found) <= set(files)
        _publish(target, "next", files)
        assert _read(target) == _complete("next", files)
        assert os.listdir(parent) == ["model"]
    assert calls > 12


@pytest.mark.parametrize("failing", range(6))
def test_replacement_that_fails_leaves_the_old_model(tmp_path, failing, monkeypatch):
    _write(tmp_path / "model", "old", _FLAT_FILES)
    rename, calls = os.rename, itertools.count()

    def renamed(source: pathlib.Path, target: pathlib.Path) -> None:
        if next(calls) == failing:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source))
        rename(source, target)

    monkeypatch.setattr(os, "rename", renamed)
    with pytest.raises(StorageError, match="Permission denied"):
        _publish(tmp_path / "model", "new", _FLAT_FILES)
    assert _read(tmp_path / "model") == _complete("old", _FLAT_FILES)
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("root", ["", "ram://"], ids=["local", "remote"])
def test_head_of_an_earlier_model_is_deleted_and_user_files_are_kept(root, tmp_path):
    uri = f"{root}{tmp_path}/model"
    for name in ("head/saved_model.pb", "notes.txt"):
        fileio.makedirs(os.path.dirname(f"{uri}/{name}"))
        with fileio.open(f"{uri}/{name}", "w") as file:
            file.write("old")
    with staged(uri, owned=["head"]) as folder:
        (folder / "tflite").write_text("new")
    assert sorted(fileio.listdir(uri)) == ["notes.txt", "tflite"]


def test_link_of_another_is_not_swept(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "content").mkdir(parents=True)
    (elsewhere / "lock").touch()
    (tmp_path / ".tfx-tflite-link").symlink_to(elsewhere)
    with scratch(str(tmp_path)):
        assert (elsewhere / "content").is_dir()


def test_folder_of_a_process_that_lives_is_not_swept(tmp_path):
    with scratch(str(tmp_path)) as first, scratch(str(tmp_path)) as second:
        assert first.is_dir()
        assert second.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_runs_side_by_side_do_not_disturb_each_other(tmp_path):
    def publish(number: int) -> None:
        for attempt in range(10):
            _publish(tmp_path / str(number), f"{number}.{attempt}")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(publish, range(4)))
    for number in range(4):
        assert _read(tmp_path / str(number)) == _complete(f"{number}.9")
    assert sorted(os.listdir(tmp_path)) == ["0", "1", "2", "3"]


def test_runs_into_the_same_folder_come_one_after_the_other(tmp_path):
    def publish(number: int) -> None:
        for attempt in range(10):
            _publish(tmp_path / "model", f"{number}.{attempt}")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(publish, range(4)))
    (content,) = set(_read(tmp_path / "model").values())
    assert _read(tmp_path / "model") == _complete(content)
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("content", ["", "old"], ids=["empty", "with a model"])
@pytest.mark.parametrize(
    ("module", "name", "answer"),
    [(publish, "_is_mount_point", True), (os, "access", False)],
    ids=["mounted there", "nothing can be made beside it"],
)
def test_folder_is_staged_in_where_nothing_can_be_renamed_from_beside_it(
    tmp_path, monkeypatch, module, name, answer, content
):
    target = tmp_path / "model"
    target.mkdir()
    if content:
        _publish(target, content)
    monkeypatch.setattr(module, name, lambda *_: answer)
    with staged(str(target)) as folder:
        assert target in folder.parents
        _write(folder, "new")
    assert _read(target) == _complete("new")
    assert os.listdir(tmp_path) == ["model"]


def test_mount_points_are_known():
    assert publish._is_mount_point(pathlib.Path("/proc"))
    assert not publish._is_mount_point(pathlib.Path("/proc/self"))


def test_folder_of_the_user_is_not_replaced(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    target.chmod(0o2775)
    before = target.stat()
    _publish(target, "new")
    assert (target.stat().st_ino, target.stat().st_mode) == (before.st_ino, before.st_mode)


def test_model_that_cannot_be_renamed_away_is_replaced(tmp_path, monkeypatch):
    _publish(tmp_path / "model", "old")
    rename = os.rename

    def renamed(source: pathlib.Path, target: pathlib.Path) -> None:
        if pathlib.Path(source).parent == tmp_path / "model":
            # as in a container, for folders of its image
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))
        rename(source, target)

    monkeypatch.setattr(os, "rename", renamed)
    _publish(tmp_path / "model", "new")
    assert _read(tmp_path / "model") == _complete("new")


def test_results_appear_only_at_the_end_and_not_after_an_error(tmp_path):
    target = tmp_path / "model"
    with pytest.raises(ZeroDivisionError), staged(str(target)) as folder:
        _write(folder, "half")
        assert not target.exists()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_unused_new_folders_are_deleted(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ZeroDivisionError), staged(f"{tmp_path}/there/new/further/model"):
        raise ZeroDivisionError
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        _publish(tmp_path / "model", "new")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / "model" / part).stat().st_mode) for part in ("", _FILES[0])]
    assert modes == [0o777 & ~umask, 0o666 & ~umask]


@pytest.mark.parametrize("name", ["with a space", "gewöhnlich-模型", "100%", "trailing/"])
def test_names_of_folders_may_hold_anything(tmp_path, name):
    _publish(f"{tmp_path}/{name}", "new")
    assert _read(tmp_path / name) == _complete("new")


def test_relative_folder_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _publish("model", "new")
    assert _read(tmp_path / "model") == _complete("new")


def test_publishing_to_a_link_writes_to_its_target(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "model").symlink_to(tmp_path / "elsewhere")
    _publish(tmp_path / "model", "new")
    assert (tmp_path / "model").is_symlink()
    assert _read(tmp_path / "elsewhere") == _complete("new")


def test_other_files_of_the_folder_are_kept(tmp_path):
    _publish(tmp_path / "model", "old")
    (tmp_path / "model" / "notes").write_text("mine")
    _publish(tmp_path / "model", "new")
    assert _read(tmp_path / "model") == _complete("new") | {"notes": "mine"}


@pytest.mark.parametrize("place", ["model", "model/further"])
def test_file_in_place_of_a_folder_is_reported_before_any_work(tmp_path, place):
    (tmp_path / "model").write_text("a file")
    with (
        pytest.raises(StorageError, match=rf"{tmp_path}/{place}: (Not a directory|File exists)"),
        staged(f"{tmp_path}/{place}"),
    ):
        pytest.fail("this is the work")
    assert (tmp_path / "model").read_text() == "a file"


def test_missing_folder_for_temporary_files_is_reported(monkeypatch):
    def find() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", find)
    with pytest.raises(StorageError, match=r"a temporary folder: No usable .*'/tmp'"), scratch():
        pytest.fail("there is none")


def test_temporary_folder_that_cannot_be_made_is_named(tmp_path):
    message = f"a temporary folder in {tmp_path}/missing: No such"
    with pytest.raises(StorageError, match=message), scratch(f"{tmp_path}/missing"):
        pytest.fail("there is none")


@pytest.fixture
def remote() -> Iterator[str]:
    uri = "ram://staging"
    fileio.makedirs(f"{uri}/model")
    yield f"{uri}/model"
    fileio.rmtree(uri)


def _read_remote(uri: str) -> dict[str, str]:
    return {
        os.path.join(folder, file).removeprefix(f"{uri}/"): fileio.open(
            os.path.join(folder, file)
        ).read()
        for folder, _, files in fileio.walk(uri)
        for file in files
    }


class _Broken(Exception):
    """What stands for a kill."""


def _break_at(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Has the n-th change of a remote file system fail."""
    calls = itertools.count(1)

    def breaking(original):
        def change(*args, **kwargs):
            if next(calls) == call:
                raise _Broken
            return original(*args, **kwargs)

        return change

    for name in ("copy", "makedirs", "remove", "rmtree"):
        monkeypatch.setattr(fileio, name, breaking(getattr(fileio, name)))


def test_remote_model_is_deleted_first_and_written_last(remote, monkeypatch):
    call = 0
    is_broken = True
    while is_broken:
        call += 1
        _publish(remote, "old")
        with monkeypatch.context() as patched:
            _break_at(patched, call)
            try:
                _publish(remote, "new")
            except _Broken:
                found = _read_remote(remote)
                assert _FILES[0] not in found or found == _complete("old")
            else:
                is_broken = False
    assert _read_remote(remote) == _complete("new")
    assert call > 6


def test_missing_remote_folder_is_a_missing_local_one():
    with local_copy("ram://staging/nothing") as folder:
        assert not folder.exists()


@contextlib.contextmanager
def _small_files() -> Iterator[None]:
    """No file can grow beyond some kilobytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**13, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_for_the_copy_of_a_remote_folder_is_reported(remote):
    with fileio.open(f"{remote}/weights", "w") as file:
        file.write("w" * 2**14)
    with (
        _small_files(),
        pytest.raises(StorageError, match=f"the copy of {remote} to /.*"),
        local_copy(remote),
    ):
        pytest.fail("there is none")
