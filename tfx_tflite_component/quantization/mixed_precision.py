"""The fewest ops to leave in float: bisection over the ranking, then backward pruning."""

from collections.abc import Callable, Sequence

Holds = Callable[[Sequence[str]], bool]
"""Whether the budget holds with these ops in float."""


def fewest_float_ops(
    ranking: Sequence[str], holds: Holds, is_over: Callable[[], bool]
) -> list[str]:
    """Finds few ops which in float make a model hold its budget.

    Args:
        ranking: The ops, the most sensitive first.
        holds: Tries a model.
        is_over: Whether time is up; the best that is known is returned then.

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
    """Quantizes again what need not be float, from the least sensitive on."""
    for name in reversed(list(kept)):
        fewer = [other for other in kept if other != name]
        if fewer and not is_over() and holds(fewer):
            kept = fewer
    return kept
