"""Pipelines that run in a process of their own, with its noise and its environment."""

import dataclasses
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping

_KERAS = "TF_USE_LEGACY_KERAS"
_TOGETHER = pathlib.Path(__file__).with_name("run_together.py")


@dataclasses.dataclass(frozen=True)
class PipelineRun:
    """A run of a pipeline that has ended.

    Attributes:
        root: The folder that holds all that it wrote.
        exit_code: The exit code of its process.
        output: What the process printed.
    """

    root: pathlib.Path
    exit_code: int
    output: str

    def artifact(self, component: str, output: str) -> pathlib.Path:
        """The folder of the only artifact that a component put out under a name."""
        folders = list((self.root / "pipeline" / component / output).glob("*"))
        assert len(folders) == 1, f"{component} put out {folders}; it printed:\n{self.output}"
        return folders[0]


class StartedPipelines:
    """Pipelines that run in the background, one after the other in one process."""

    def __init__(self, scripts: Mapping[str, pathlib.Path], folder: pathlib.Path) -> None:
        """Starts scripts that take `--root`, and keeps all that comes of them in a folder."""
        self._roots = {name: folder / name for name in scripts}
        self._log = folder / "output.txt"
        # Importing TF Transform sets it for every process that is started later. A script is to
        # train the same model whatever the tests have imported by then.
        environment = {name: value for name, value in os.environ.items() if name != _KERAS}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *_arguments(scripts, self._roots)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def end(self, name: str) -> PipelineRun:
        """Waits until all have ended, and returns the run of one."""
        exit_code = self._process.wait()
        return PipelineRun(self._roots[name], exit_code, self._log.read_text(errors="replace"))

    def stop(self) -> None:
        """Ends the process, if it has not ended yet."""
        self._process.terminate()
        self._process.wait()


def _arguments(
    scripts: Mapping[str, pathlib.Path], roots: Mapping[str, pathlib.Path]
) -> list[str | pathlib.Path]:
    if len(scripts) > 1:
        return [_TOGETHER, *(f"{script}={roots[name]}" for name, script in scripts.items())]
    ((name, script),) = scripts.items()
    return [script, "--root", roots[name]]
