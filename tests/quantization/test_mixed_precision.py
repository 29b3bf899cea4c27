"""The search for the fewest ops in float, without a model."""

from collections.abc import Sequence

import pytest

from tfx_tflite_component.quantization.mixed_precision import fewest_float_ops

_RANKING = [f"op{index}" for index in range(20)]


@pytest.mark.parametrize(
    "needed", [{"op0"}, {"op0", "op1", "op2"}, {"op1", "op6"}, {"op19"}, set(_RANKING)]
)
def test_finds_exactly_the_ops_that_are_needed(needed: set[str]) -> None:
    found = fewest_float_ops(_RANKING, lambda ops: needed <= set(ops), lambda: False)
    assert set(found) == needed


def test_finds_nothing_if_all_ops_are_not_enough() -> None:
    assert fewest_float_ops(_RANKING, lambda ops: False, lambda: False) == []


def test_returns_what_is_known_to_hold_when_time_is_up() -> None:
    tried = []

    def holds(ops: Sequence[str]) -> bool:
        tried.append(list(ops))
        return len(ops) >= 3

    found = fewest_float_ops(_RANKING, holds, lambda: len(tried) >= 2)
    assert holds(found)
    assert len(tried) == 3
