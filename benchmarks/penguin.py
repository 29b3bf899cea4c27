"""The model of TFX's stock penguin pipeline, trained once for all subjects."""

import functools
import pathlib
import tempfile

from measuring import usage

_SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "tests" / "support" / "run_penguin.py"


@functools.cache
def penguin() -> pathlib.Path:
    """Runs the pipeline up to its Trainer, and returns the folder of the SavedModel."""
    root = pathlib.Path(_folder().name, "root")
    usage([str(_SCRIPT), "--root", str(root)])
    (path,) = root.glob("pipeline/Trainer/model/*/Format-Serving")
    return path


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    # deleted when this process ends
    return tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-")
