"""Measures what the lowerings do to the tails of stock models.

Each model is trained by its stock pipeline, and its tail is converted twice: with Select TF ops and
no lowering, and with builtin ops alone.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from measuring import measure

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_MODELS = [
    ("penguin", "tests/support/run_penguin.py", "RAW_FEATURES"),
    ("taxi", "examples/taxi/run.py", "TRANSFORMED_FEATURES"),
    ("taxi, no hashed words", "tests/support/run_taxi_without_oov.py", "RAW_FEATURES"),
]


def main() -> None:
    """Trains, measures and prints a table."""
    print(f"{'':<24}{'boundary':<22}{'ops':>12}{'of Flex':>9}{'ms':>18}{'ratio':>7}")
    for name, script, boundary in _MODELS:
        with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
            found = measure("lowered.py", _train(script, folder), boundary)
        ops = f"{found['flex_model_ops']:.0f} to {found['ops']:.0f}"
        print(f"{name:<24}{boundary:<22}{ops:>12}{found['flex_ops']:>9.0f}", end="")
        if "flex_ms" in found:
            milliseconds = f"{found['flex_ms']:.3f} to {found['ms']:.3f}"
            print(f"{milliseconds:>18}{found['ms'] / found['flex_ms']:>7.2f}")
        else:
            print(f"{found['ms']:>18.3f}   TensorFlow {found['tensorflow']} runs no Flex ops")


def _train(script: str, folder: str) -> pathlib.Path:
    """Runs a pipeline, and returns the folder of its SavedModel."""
    process = subprocess.run(
        [sys.executable, _ROOT / script, "--root", f"{folder}/root"],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        sys.exit(f"{script} failed:\n{process.stdout}\n{process.stderr}")
    (path,) = pathlib.Path(folder).glob("root/pipeline/Trainer/model/*/Format-Serving")
    return path


if __name__ == "__main__":
    main()
