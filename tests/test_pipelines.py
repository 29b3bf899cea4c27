"""The pipelines of the tests: those that only train are kept for the next test run."""

import pathlib

import pytest
from pipelines import StartedPipelines, kept_folder
from versions import OF_NO_VERSION

pytestmark = [pytest.mark.process, OF_NO_VERSION]

_SCRIPT = """
import pathlib, sys
root = pathlib.Path(sys.argv[2])
(root.parents[1] / "runs").open("a").write("x")
sys.exit(int((root.parents[1] / "exit").read_text()))
"""


def _run(folder: pathlib.Path, exit_code: int) -> tuple[int, int]:
    """Starts a pipeline; gives its exit code and how many have run so far."""
    (folder / "script.py").write_text(_SCRIPT)
    (folder / "exit").write_text(str(exit_code))
    pipelines = StartedPipelines({"one": folder / "script.py"}, folder / "kept")
    pipelines.start()
    ended = pipelines.end("one")
    return ended.exit_code, len((folder / "runs").read_text())


def test_pipeline_that_ended_well_is_kept(tmp_path: pathlib.Path) -> None:
    assert _run(tmp_path, 0) == (0, 1)
    assert _run(tmp_path, 0) == (0, 1)


def test_pipeline_that_failed_runs_again(tmp_path: pathlib.Path) -> None:
    assert _run(tmp_path, 3) == (3, 1)
    assert _run(tmp_path, 0) == (0, 2)


def test_folder_is_another_for_other_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept_folder(["one"])
    assert kept_folder(["one"]) == before != kept_folder(["one", "other"])
    monkeypatch.setattr("sys.version", "another Python")
    assert kept_folder(["one"]) != before
