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
from collections.abc import Mapping

_KERAS = "TF_USE_LEGACY_KERAS"
# It spares each Transform and Trainer some runs of pip, which would install a module file.
_PACKAGES_NO_MODULE_FILES = "UNSUPPORTED_DO_NOT_PACKAGE_USER_MODULES"
_TURN_SECONDS = 0.2
_NOTING_THE_EXIT_CODE = 'code=$1; shift; "$@"; echo $? >"$code.new"; mv "$code.new" "$code"'
_TOGETHER = pathlib.Path(__file__).with_name("run_together.py")
_CHECKOUT = pathlib.Path(__file__).parents[2]
_LIBRARIES = ("tfx", "tensorflow", "keras", "tensorflow-transform")


def kept_folder(name: str) -> pathlib.Path:
    """A folder for a pipeline that holds nothing of this package: the next test run finds it again.

    Its name has a hash of what the pipelines depend on: the scripts and what they import from this
    checkout, the libraries, whose modules the stock pipelines run, and Python.
    """
    sources = [*(_CHECKOUT / "tests" / "support").glob("*.py"), *_CHECKOUT.glob("examples/*/*.py")]
    found = hashlib.sha256(sys.version.encode())
    for library in _LIBRARIES:
        found.update(importlib.metadata.version(library).encode())
    for source in sorted(sources):
        found.update(source.read_bytes())
    return _CHECKOUT / "build" / "pipelines" / f"{name}-{found.hexdigest()[:12]}"


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


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """A pipeline to run.

    Attributes:
        script: What runs it; it takes `--root`.
        folder: Takes all that comes of it; see run_together.py.
    """

    script: pathlib.Path
    folder: pathlib.Path

    @property
    def exit_code(self) -> int | None:
        """The exit code of the script; None if it has not ended."""
        return _number(self.folder / "exit_code.txt")

    def run(self, exit_code: int) -> PipelineRun:
        """What it has come to."""
        output = (self.folder / "output.txt").read_text(errors="replace")
        return PipelineRun(self.folder / "root", exit_code, output)


class StartedPipelines:
    """Pipelines that run in the background, one after the other in one process."""

    def __init__(self, pipelines: Mapping[str, Pipeline], exit_code: pathlib.Path) -> None:
        """Names the pipelines, and the file that takes the exit code of their process."""
        self._pipelines, self._exit_code = pipelines, exit_code
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process, with the pipelines that have not ended well in their folders."""
        left = [one for one in self._pipelines.values() if one.exit_code != 0]
        if not left:
            return
        for pipeline in left:
            shutil.rmtree(pipeline.folder, ignore_errors=True)
            pipeline.folder.mkdir(parents=True)
            (pipeline.folder / "output.txt").touch()
        self._process = subprocess.Popen(
            [
                *("sh", "-c", _NOTING_THE_EXIT_CODE, "sh", self._exit_code),
                *(sys.executable, _TOGETHER, *(f"{one.script}={one.folder}" for one in left)),
            ],
            stdin=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )

    def end(self, name: str) -> PipelineRun:
        """Waits until a pipeline has ended, and returns its run."""
        pipeline = self._pipelines[name]
        while pipeline.exit_code is None and not self._exit_code.exists():
            time.sleep(_TURN_SECONDS)
        exit_code = pipeline.exit_code
        # its process may have died
        return pipeline.run(_number(self._exit_code) if exit_code is None else exit_code)

    def wait(self) -> None:
        """Waits for the process, if this object started it."""
        if self._process:
            self._process.wait()

    def stop(self) -> None:
        """Ends the process, if this object started it."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        self.wait()


def _number(file: pathlib.Path) -> int | None:
    return int(file.read_text()) if file.exists() else None


def _environment() -> dict[str, str]:
    """The environment of the tests, whatever they have imported by now.

    Importing TF Transform chooses a Keras for every process that is started later: a script is to
    train the same model all the same.
    """
    kept = {name: value for name, value in os.environ.items() if name != _KERAS}
    return kept | {_PACKAGES_NO_MODULE_FILES: "1"}
