"""Measures predictions for an evaluation beside stock TFMA's and beside a bare interpreter's.

Each model is measured in a process of its own, in which all three take turns.
"""

from measuring import measure

_MODELS = ("digits", "perceptron", "MobileNetV2")
_FEW, _MANY = 10, 1_000


def main() -> None:
    """Runs the measurements and prints them as a table."""
    print(f"{'examples a second':<20}{'ours':>9}{'stock':>9}{'bare':>9}{'/stock':>8}{'/bare':>8}")
    for model in _MODELS:
        taken = measure("throughput.py", model)
        ours, stock, bare = (1e6 / taken[step] for step in ("ours", "stock", "bare"))
        print(
            f"{model:<20}{ours:>9,.0f}{stock:>9,.0f}{bare:>9,.0f}"
            f"{ours / stock:>8.1f}{ours / bare:>8.2f}"
        )
    few, many = (
        measure("scoring_memory.py", "perceptron", str(batches))["peak_mb"]
        for batches in (_FEW, _MANY)
    )
    print(
        f"Peak memory: {few:,.0f} MB with {_FEW:,},000 examples, {many:,.0f} MB with {_MANY:,},000."
    )


if __name__ == "__main__":
    main()
