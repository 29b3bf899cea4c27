"""Pipelines that run in a process of their own, with its noise and its environment."""

import dataclasses
import hashlib
import importlib.metadata
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping

_KERAS = "TF_USE_LEGACY_KERAS"
_TURN_SECONDS = 0.2
_NOTING_THE_EXIT_CODE = 'code=$1; shift; "$@"; echo $? >"$code.new"; mv "$code.new" "$code"'
_TOGETHER = pathlib.Path(__file__).with_name("run_together.py")
_CHECKOUT = pathlib.Path(__file__).parents[2]
_LIBRARIES = ("tfx", "tensorflow", "keras", "tensorflow-transform")


def kept_folder(names: Iterable[str]) -> pathlib.Path:
    """A folder for pipelines that hold nothing of this package: the next test run finds it again.

    Its name has a hash of what the pipelines depend on: the scripts and what they import from this
    checkout, the libraries, whose modules the stock pipelines run, and Python.
    """
    sources = [*(_CHECKOUT / "tests" / "support").glob("*.py"), *_CHECKOUT.glob("examples/*/*.py")]
    found = hashlib.sha256(sys.version.encode())
    for library in _LIBRARIES:
        found.update(importlib.metadata.version(library).encode())
    for source in sorted(sources):
        found.update(source.read_bytes())
    name = "-".join([*names, found.hexdigest()[:12]])
    return _CHECKOUT / "build" / "pipelines" / name


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
        """Names scripts that take `--root`, and the folder for everything that they write."""
        self._scripts, self._folder = scripts, folder
        self._roots = {name: folder / name for name in scripts}
        self._log, self._exit_code = folder / "output.txt", folder / "exit_code.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process, unless one has ended well in this folder before."""
        if self._exit_code.exists() and int(self._exit_code.read_text()) == 0:
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        # Importing TF Transform sets it for every process that is started later. A script is to
        # train the same model whatever the tests have imported by then.
        environment = {name: value for name, value in os.environ.items() if name != _KERAS}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *("sh", "-c", _NOTING_THE_EXIT_CODE, "sh", self._exit_code, sys.executable),
                    *_arguments(self._scripts, self._roots),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def end(self, name: str) -> PipelineRun:
        """Waits until all have ended, and returns the run of one."""
        while not self._exit_code.exists():
            time.sleep(_TURN_SECONDS)
        exit_code = int(self._exit_code.read_text())
        return PipelineRun(self._roots[name], exit_code, self._log.read_text(errors="replace"))

    def wait(self) -> None:
        """Waits for the process, if this object started it."""
        if self._process:
            self._process.wait()

    def stop(self) -> None:
        """Ends the process, if this object started it."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        self.wait()


def _arguments(
    scripts: Mapping[str, pathlib.Path], roots: Mapping[str, pathlib.Path]
) -> list[str | pathlib.Path]:
    if len(scripts) > 1:
        return [_TOGETHER, *(f"{script}={roots[name]}" for name, script in scripts.items())]
    ((name, script),) = scripts.items()
    return [script, "--root", roots[name]]
