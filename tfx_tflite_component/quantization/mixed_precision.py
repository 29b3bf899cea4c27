"""The fewest ops to leave in float: bisection over the ranking, then backward pruning."""

from collections.abc import Callable, Sequence

Holds = Callable[[Sequence[str]], bool]
"""Whether the budget holds with these ops in float."""


def fewest_float_ops(
    ranking: Sequence[str], holds: Holds, is_over: Callable[[], bool]
) -> list[str]:
    """Finds a small set of ops that must stay float for a model to be within its budget.

    Args:
        ranking: The ops, the most sensitive first.
        holds: Tries a model.
        is_over: Whether the time is up; the best set so far is then returned.

    Returns:
        The ops, the most sensitive first; empty if not even all of them are enough.
    """
    if not holds(ranking):
        return []
    low, high = 0, len(ranking)
    while high - low > 1 and not is_over():
        middle = (low + high) // 2
        if holds(ranking[:middle]):
            high = middle
        else:
            low = middle
    return _pruned(list(ranking[:high]), holds, is_over)


def _pruned(kept: list[str], holds: Holds, is_over: Callable[[], bool]) -> list[str]:
    """Quantizes ops again that need not stay float, the least sensitive first."""
    for name in reversed(list(kept)):
        fewer = [other for other in kept if other != name]
        if fewer and not is_over() and holds(fewer):
            kept = fewer
    return kept
