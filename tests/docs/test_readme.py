"""The README: its snippet runs, its commands are what CI runs."""

import pathlib
import re

from declared import declare
from pages import CHECKOUT, run, snippets
from tfx import v1 as tfx
from versions import OF_NO_VERSION

pytestmark = OF_NO_VERSION

(_PIPELINE,) = snippets("README.md", "python")


def test_snippet_connects_trainer_and_pusher(tmp_path: pathlib.Path) -> None:
    example_gen, trainer, destination = declare(tmp_path)
    names = run(_PIPELINE, example_gen=example_gen, trainer=trainer, destination=destination)
    rewriter, pusher = names["rewriter"], names["pusher"]
    pipeline = tfx.dsl.Pipeline(
        "readme", str(tmp_path), components=[example_gen, trainer, rewriter, pusher]
    )
    assert pipeline.components == [example_gen, trainer, rewriter, pusher]
    assert rewriter.upstream_nodes == {example_gen, trainer}
    assert pusher.upstream_nodes == {rewriter}


def test_first_commands_are_the_example_and_the_tests() -> None:
    both, table = snippets("README.md", "sh")[:2]
    assert both.splitlines() == ["make example", "make test"]
    assert table.strip() == 'make example EXAMPLE=csv ARGS="--data FILE"'


def test_ci_runs_the_tests_on_both_versions() -> None:
    script = (CHECKOUT / ".ci" / "run").read_text()
    started = re.compile(r"^ *(?:JOBS=\d |nice -n \d )?(make test.*?) (?:>|\|\|)", re.MULTILINE)
    commands = started.findall(script)
    assert sorted(commands) == ["make test TFX=1.16", "make test TFX=1.21"]
