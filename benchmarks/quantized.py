"""Measures what calibration and verification cost beside the least that each could take.

Every measurement is a process of its own.
"""

import json
import os
import pathlib
import subprocess
import sys

_HERE = pathlib.Path(__file__).resolve().parent
_FEW, _MANY = 1_000, 1_000_000


def main() -> None:
    """Runs the measurements and prints them as a table."""
    steps = _measure("steps.py")
    few, many = (_measure("sampling.py", str(count))["peak_mb"] for count in (_FEW, _MANY))
    rows = [
        (
            "seconds: calibration, the converter's own on arrays in memory",
            steps["calibration"],
            steps["bare_calibration"],
        ),
        (
            "seconds: verification, the interpreter's own invocation",
            steps["verification"],
            steps["bare_verification"],
        ),
        (
            "the same, with the SavedModel's own invocation added",
            steps["verification"],
            steps["bare_verification"] + steps["trained"],
        ),
        (f"peak MB: sampling {_MANY:,} examples, {_FEW:,} examples", many, few),
    ]
    print(f"{'':<64}{'ours':>9}{'theirs':>9}{'ratio':>7}")
    for name, ours, theirs in rows:
        print(f"{name:<64}{ours:>9.2f}{theirs:>9.2f}{ours / theirs:>7.3f}")


def _measure(script: str, *arguments: str) -> dict[str, float]:
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


if __name__ == "__main__":
    main()
