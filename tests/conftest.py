"""Pipelines that run once a test run, and that many tests look at."""

import pathlib
from collections.abc import Iterator

import pytest
from pipelines import PipelineRun, StartedPipeline

_TESTS = pathlib.Path(__file__).parent
_EXAMPLES = _TESTS.parent / "examples"
_SCRIPTS = {
    "penguin": _TESTS / "run_penguin.py",
    "taxi": _EXAMPLES / "taxi" / "run.py",
    "digits": _EXAMPLES / "digits" / "run.py",
    "imdb": _TESTS / "run_imdb.py",
    "taxi_without_oov": _TESTS / "run_taxi_without_oov.py",
    "transforms": _TESTS / "run_transforms.py",
}


@pytest.fixture(scope="session", autouse=True)
def _started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, StartedPipeline]]:
    """The pipelines that the selected tests ask for, side by side and behind the other tests."""
    asked = {name for item in request.session.items for name in item.fixturenames}
    started = {
        name: StartedPipeline(script, tmp_path_factory.mktemp(name))
        for name, script in _SCRIPTS.items()
        if name in asked
    }
    yield started
    for pipeline in started.values():
        pipeline.stop()


@pytest.fixture(scope="session")
def penguin(_started: dict[str, StartedPipeline]) -> PipelineRun:
    """The stock penguin pipeline, run up to its Trainer."""
    return _started["penguin"].end()


@pytest.fixture(scope="session")
def taxi(_started: dict[str, StartedPipeline]) -> PipelineRun:
    """`examples/taxi`: the stock Chicago taxi pipeline, run up to the rewriter added to it."""
    return _started["taxi"].end()


@pytest.fixture(scope="session")
def digits(_started: dict[str, StartedPipeline]) -> PipelineRun:
    """`examples/digits`, run to its end."""
    return _started["digits"].end()


@pytest.fixture(scope="session")
def imdb(_started: dict[str, StartedPipeline]) -> PipelineRun:
    """The stock imdb pipeline, run up to its Trainer."""
    return _started["imdb"].end()


@pytest.fixture(scope="session")
def taxi_without_oov(_started: dict[str, StartedPipeline]) -> PipelineRun:
    """The stock taxi pipeline with unknown words not hashed, run up to its Trainer."""
    return _started["taxi_without_oov"].end()


@pytest.fixture(scope="session")
def transforms(_started: dict[str, StartedPipeline]) -> PipelineRun:
    """TF Transform's output for each group of `transform_rows.TRANSFORM_ROWS`."""
    return _started["transforms"].end()
