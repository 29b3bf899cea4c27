"""Pipelines that run in a process of their own, with its noise and its environment."""

import dataclasses
import os
import pathlib
import subprocess
import sys

_KERAS = "TF_USE_LEGACY_KERAS"


@dataclasses.dataclass(frozen=True)
class PipelineRun:
    """A run of a pipeline that has ended.

    Attributes:
        root: The folder that holds all that it wrote.
        exit_code: The exit code of its process.
        output: What it printed.
    """

    root: pathlib.Path
    exit_code: int
    output: str

    def artifact(self, component: str, output: str) -> pathlib.Path:
        """The folder of the only artifact that a component put out under a name."""
        folders = list((self.root / "pipeline" / component / output).glob("*"))
        assert len(folders) == 1, f"{component} put out {folders}; it printed:\n{self.output}"
        return folders[0]


class StartedPipeline:
    """A pipeline that runs in the background."""

    def __init__(self, script: pathlib.Path, folder: pathlib.Path) -> None:
        """Starts a script that takes `--root`, and keeps all that comes of it in a folder."""
        self._root = folder / "root"
        self._log = folder / "output.txt"
        # Importing TF Transform sets it for every process that is started later. A script is to
        # train the same model whatever the tests have imported by then.
        environment = {name: value for name, value in os.environ.items() if name != _KERAS}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, script, "--root", self._root],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def end(self) -> PipelineRun:
        """Waits until it has ended."""
        exit_code = self._process.wait()
        return PipelineRun(self._root, exit_code, self._log.read_text(errors="replace"))

    def stop(self) -> None:
        """Ends it, if it has not ended yet."""
        self._process.terminate()
        self._process.wait()
