"""Measures what `TFLiteRewriter` adds: to a bare conversion, to importing TFX, and by a worker.

Every measurement is a process of its own, the kinds take turns, and medians are printed.
"""

import pathlib
import statistics
import sys
import tempfile

from measuring import measure

_ROUNDS = 3


def main() -> None:
    """Runs the measurements and prints them as a table."""
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        model = pathlib.Path(folder, "trained")
        measure("model.py", model)
        bare, component, in_process = [], [], []
        for number in range(_ROUNDS):
            print(f"Round {number + 1} of {_ROUNDS}", file=sys.stderr, flush=True)
            bare.append(measure("bare.py", model))
            component.append(measure("component.py", model, pathlib.Path(folder, f"{number}")))
            here = pathlib.Path(folder, f"{number}-in-process")
            in_process.append(measure("in_process.py", model, here))
    print(_table(*map(_medians, (bare, component, in_process))))


def _medians(measurements: list[dict[str, float]]) -> dict[str, float]:
    return {
        name: statistics.median(measurement[name] for measurement in measurements)
        for name in measurements[0]
    }


def _table(
    bare: dict[str, float], component: dict[str, float], in_process: dict[str, float]
) -> str:
    """The table: what is measured, what it is held against, their ratio and the aim for that."""
    rows = [
        (
            "seconds: Do() less one import of TensorFlow, bare conversion",
            component["do_seconds"] - bare["import_seconds"],
            bare["convert_seconds"],
            1.15,
        ),
        (
            "the same in CPU seconds, which hardly depend on what else runs",
            component["do_cpu_seconds"] - bare["import_cpu_seconds"],
            bare["convert_cpu_seconds"],
            1.15,
        ),
        ("peak MB: Do()'s worker, bare conversion", component["worker_mb"], bare["peak_mb"], 1.1),
        (
            "seconds: a worker over rewriting in process, importing TensorFlow",
            component["do_seconds"] - in_process["seconds"],
            bare["import_seconds"],
            1.0,
        ),
        (
            "MB that stay: Do() with a worker, rewriting in process",
            component["added_mb"],
            in_process["added_mb"],
            0.05,
        ),
        (
            "seconds: importing this package after tfx.v1, importing tfx.v1",
            component["import_package_seconds"],
            component["import_tfx_seconds"],
            0.05,
        ),
    ]
    lines = [f"{'':<66}{'ours':>9}{'theirs':>9}{'ratio':>7}{'aim':>6}"]
    for name, ours, theirs, aim in rows:
        lines.append(f"{name:<66}{ours:>9.2f}{theirs:>9.2f}{ours / theirs:>7.3f}{aim:>6}")
    lines.append(
        f"Importing TensorFlow takes {bare['import_seconds']:.1f} s, all of Do() "
        f"{component['do_seconds']:.1f} s. Do() adds {component['added_mb']:.0f} MB to its own "
        f"process, which peaks at {component['own_mb']:.0f} MB with TFX imported."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
