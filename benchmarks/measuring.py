"""Runs a measurement in a process of its own."""

import json
import os
import pathlib
import subprocess
import sys

_HERE = pathlib.Path(__file__).resolve().parent


def measure(script: str, *arguments: str | pathlib.Path) -> dict[str, float]:
    """Runs a script of this folder and returns the figures in its last line."""
    process = subprocess.run(
        [sys.executable, _HERE / script, *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        sys.exit(f"{script} failed:\n{process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])
