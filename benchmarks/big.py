"""Measures conversions of big models beside bare ones: peak memory, and time.

Every measurement is a process of its own. A model that this machine lacks the memory for is left
out.
"""

import pathlib
import re
import sys
import tempfile

from measuring import measure

_KINDS = ((500, "NONE"), (500, "FULL_INTEGER"), (1500, "NONE"))
_BASE_MB, _TIMES_WEIGHTS = 1_000, 8
"""A bare conversion peaks at 600 MB and 7.1 times the weights; the rest is room."""


def main() -> None:
    """Runs the measurements and prints them as a table."""
    print(f"{'':<75}{'ours':>9}{'theirs':>9}{'ratio':>7}{'aim':>6}")
    for size, mode in _KINDS:
        needed, available = _BASE_MB + _TIMES_WEIGHTS * size, _available_mb()
        if needed > available:
            print(
                f"{size:,} MB of weights are left out: they need {needed:,} MB of memory, and "
                f"{available:,} MB are available."
            )
            continue
        print(f"{size:,} MB of weights, {mode}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
            model = pathlib.Path(folder, "trained")
            measure("model.py", model, str(size))
            bare = measure("bare.py", model, mode)
            component = measure("component.py", model, pathlib.Path(folder, "published"), mode)
        _print_row(
            f"peak MB, {size:,} MB of weights, {mode}: Do()'s worker, bare conversion",
            component["worker_mb"],
            bare["peak_mb"],
            1.1,
        )
        _print_row(
            "CPU seconds: Do() less one import of TensorFlow, bare conversion",
            component["do_cpu_seconds"] - bare["import_cpu_seconds"],
            bare["convert_cpu_seconds"],
            1.15,
        )


def _print_row(name: str, ours: float, theirs: float, aim: float) -> None:
    print(f"{name:<75}{ours:>9,.1f}{theirs:>9,.1f}{ours / theirs:>7.3f}{aim:>6}")


def _available_mb() -> int:
    found = re.search(r"MemAvailable:\s*(\d+) kB", pathlib.Path("/proc/meminfo").read_text())
    assert found
    return int(found[1]) // 1000


if __name__ == "__main__":
    main()
