"""Measures what calibration and verification cost beside the least that each could take.

Every measurement is a process of its own.
"""

from measuring import measure

_FEW, _MANY = 1_000, 1_000_000


def main() -> None:
    """Runs the measurements and prints them as a table."""
    steps = measure("steps.py")
    few, many = (measure("sampling.py", str(count))["peak_mb"] for count in (_FEW, _MANY))
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


if __name__ == "__main__":
    main()
