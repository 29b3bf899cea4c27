"""Pipelines that run once a test run, and that many tests look at."""

import gc
import pathlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import NoReturn

import pytest
from pipelines import Pipeline, PipelineRun, StartedPipelines, kept_folder
from versions import IS_OLDEST

_TESTS = pathlib.Path(__file__).parent
_SUPPORT = _TESTS / "support"
_EXAMPLES = _TESTS.parent / "examples"
_SCRIPTS = {
    "penguin": _SUPPORT / "run_penguin.py",
    "taxi": _EXAMPLES / "taxi" / "run.py",
    "digits": _EXAMPLES / "digits" / "run.py",
    "imdb": _SUPPORT / "run_imdb.py",
    "taxi_without_oov": _SUPPORT / "run_taxi_without_oov.py",
    "transforms": _SUPPORT / "run_transforms.py",
}
# Those of a tuple share a process, and with it the seconds that importing TFX takes. An example
# comes first, as where a user runs it, and then models of the same Keras. What penguin imports
# defines a flag `--runner` that refuses imdb's, so imdb comes before it.
_PROCESSES = (("taxi", "taxi_without_oov", "transforms"), ("digits", "imdb", "penguin"))
# They are run anew each time. The others only train: nothing of this package runs in them.
_EXAMPLES_RUN = ("taxi", "digits")

# What the tests import is a million objects. Python would search them for garbage again and again:
# while they are imported, and for a second each time while the tests run.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--few-rows", action="store_true", help="run the first and last row of each table only"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """Has the tests that look at a pipeline come last, so that no other waits for it.

    On the newer version, which runs beside the oldest one, a table of values has two rows: that an
    op converts depends on the version, but for which values it is right does not. Tests of no
    version do not run there at all.
    """
    items.sort(key=lambda item: not _SCRIPTS.keys().isdisjoint(item.fixturenames))
    left_out: set[pytest.Function] = set()
    if not IS_OLDEST:
        left_out.update(item for item in items if item.get_closest_marker("of_no_version"))
    if not IS_OLDEST or config.getoption("few_rows"):
        left_out.update(_inner_rows(items))
    if left_out:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


def _inner_rows(items: Sequence[pytest.Function]) -> list[pytest.Function]:
    """The sets of parameters of a test between its first and its last one."""
    rows: dict[str, list[pytest.Function]] = {}
    for item in items:
        if not item.get_closest_marker("all_rows"):
            rows.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [item for found in rows.values() for item in found[1:-1]]


@pytest.fixture(autouse=True)
def _quick_tests_start_no_process(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails a test that starts a process without a marker that says so."""
    if any(request.node.get_closest_marker(name) for name in ("process", "slow")):
        return

    def refuse(self: subprocess.Popen, arguments: object, *_: object, **__: object) -> NoReturn:
        pytest.fail(f"The test starts {arguments}: mark it with pytest.mark.process or slow.")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)


@pytest.fixture(scope="session", autouse=True)
def _started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[dict[str, StartedPipelines]]:
    """The pipelines that the selected tests ask for, side by side and behind the other tests.

    The first process of pytest-xdist starts them, and all of them look at the results.
    """
    asked = {name for item in request.session.items for name in item.fixturenames}
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent
    started: dict[str, StartedPipelines] = {}
    for names in _PROCESSES:
        pipelines = {name: _pipeline(name, folder) for name in names if name in asked}
        if pipelines:
            together = StartedPipelines(pipelines, folder / f"exit_code_of_{names[0]}.txt")
            started |= dict.fromkeys(pipelines, together)
            if worker_id in ("master", "gw0"):
                together.start()
    yield started
    for together in started.values():
        # other processes of pytest-xdist may still wait for them
        together.stop() if worker_id == "master" else together.wait()


def _pipeline(name: str, folder: pathlib.Path) -> Pipeline:
    own = folder / "pipelines" / name
    return Pipeline(_SCRIPTS[name], own if name in _EXAMPLES_RUN else kept_folder(name))


@pytest.fixture(scope="session")
def penguin(_started: dict[str, StartedPipelines]) -> PipelineRun:
    """The stock penguin pipeline, run up to its Trainer."""
    return _started["penguin"].end("penguin")


@pytest.fixture(scope="session")
def taxi(_started: dict[str, StartedPipelines]) -> PipelineRun:
    """`examples/taxi`, run to its end."""
    return _started["taxi"].end("taxi")


@pytest.fixture(scope="session")
def digits(_started: dict[str, StartedPipelines]) -> PipelineRun:
    """`examples/digits`, run to its end."""
    return _started["digits"].end("digits")


@pytest.fixture(scope="session")
def imdb(_started: dict[str, StartedPipelines]) -> PipelineRun:
    """The stock imdb pipeline, run up to its Trainer."""
    return _started["imdb"].end("imdb")


@pytest.fixture(scope="session")
def taxi_without_oov(_started: dict[str, StartedPipelines]) -> PipelineRun:
    """The stock taxi pipeline with unknown words not hashed, run up to its Trainer."""
    return _started["taxi_without_oov"].end("taxi_without_oov")


@pytest.fixture(scope="session")
def transforms(_started: dict[str, StartedPipelines]) -> PipelineRun:
    """TF Transform's output for each group of `transform_rows.TRANSFORM_ROWS`."""
    return _started["transforms"].end("transforms")
