"""The pipelines of the tests: those that only train are kept for the next test run."""

import pathlib

import pytest
from pipelines import Pipeline, StartedPipelines, kept_folder
from versions import OF_NO_VERSION

pytestmark = [pytest.mark.process, OF_NO_VERSION]

_SCRIPT = """
import os, pathlib, sys
pathlib.Path(__file__).with_name("runs").open("a").write("x")
{end}
"""


def _run(folder: pathlib.Path, *ends: str) -> list[tuple[int, int]]:
    """Runs pipelines in one process; gives the exit code of each and how often it has run so far.

    Args:
        folder: Where the pipelines are.
        ends: What each does at its end.
    """
    pipelines = {}
    for name, end in enumerate(ends):
        script = folder / str(name) / "script.py"
        script.parent.mkdir(exist_ok=True)
        script.write_text(_SCRIPT.format(end=end))
        script.with_name("runs").touch()
        pipelines[str(name)] = Pipeline(script, script.with_name("kept"))
    (folder / "exit_code").unlink(missing_ok=True)
    together = StartedPipelines(pipelines, folder / "exit_code")
    together.start()
    codes = {name: together.end(name).exit_code for name in pipelines}
    together.wait()
    return [(code, (folder / name / "runs").stat().st_size) for name, code in codes.items()]


def test_pipeline_that_ended_well_is_kept(tmp_path: pathlib.Path) -> None:
    assert _run(tmp_path, "") == [(0, 1)]
    assert _run(tmp_path, "") == [(0, 1)]


def test_pipeline_that_failed_runs_again_and_fails_no_other(tmp_path: pathlib.Path) -> None:
    assert _run(tmp_path, "sys.exit(3)", "") == [(3, 1), (0, 1)]
    assert _run(tmp_path, "", "") == [(0, 2), (0, 1)]


def test_pipeline_whose_process_died_has_failed(tmp_path: pathlib.Path) -> None:
    assert _run(tmp_path, "os._exit(5)", "") == [(5, 1), (5, 0)]


def test_folder_is_another_for_other_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept_folder("one")
    assert kept_folder("one") == before != kept_folder("other")
    monkeypatch.setattr("sys.version", "another Python")
    assert kept_folder("one") != before
