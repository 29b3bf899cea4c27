"""Measures, against figures worked out by hand: pure NumPy."""

import math

import numpy as np
import pytest

from tfx_tflite_component.verification.measures import OutputComparison, Sums


def _measured(
    *calls: tuple[object, object], is_per_example: bool = True, dtype: type = np.float32
) -> OutputComparison:
    """The figures of calls, each with what the SavedModel and the TFLite model return."""
    sums = Sums(np.dtype(dtype), is_per_example)
    for expected, actual in calls:
        sums.add(np.array(expected, dtype), np.array(actual, dtype))
    return sums.comparison()


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_constant_part_is_no_signal() -> None:
    scores = 0.5 + 0.002 * _normal(0, 200, 1)
    found = _measured((scores, np.full([200, 1], 0.5)))
    assert found.sqnr_db == pytest.approx(0, abs=0.1)
    assert found.constant_columns == (0,)


def test_column_is_not_hidden_by_a_larger_one() -> None:
    boxes, scores = 100 * _normal(0, 200, 4), _normal(1, 200, 1)
    expected = np.concatenate([boxes, scores], axis=1)
    found = _measured((expected, np.concatenate([boxes, 0 * scores], axis=1)))
    assert found.sqnr_db > 40
    assert (found.worst_column, found.constant_columns) == (4, (4,))
    assert found.worst_column_sqnr_db == pytest.approx(0, abs=0.1)
    assert found.relative_error > 0.02


def test_outlier_does_not_hide_the_other_examples() -> None:
    expected = _normal(0, 200, 4)
    actual = expected + _normal(1, 200, 4)
    expected[0] += 1000
    actual[0] += 1000
    found = _measured((expected, actual))
    assert found.sqnr_db > 30
    assert found.worst_tenth_sqnr_db < 0


def test_example_near_the_mean_is_not_a_poor_one() -> None:
    expected = _normal(0, 500, 1)
    found = _measured((expected, expected + 0.01 * np.sign(_normal(1, 500, 1))))
    assert found.sqnr_db == pytest.approx(40, abs=0.5)
    assert found.worst_tenth_sqnr_db > 35


def test_outputs_without_a_batch_dimension_are_measured_whole() -> None:
    expected = _normal(0, 64, 4)
    actual = expected.copy()
    actual[50, 2] += 7
    found = _measured((expected, actual), (expected[:10], actual[:10]), is_per_example=False)
    assert found.max_abs_error == pytest.approx(7, rel=1e-5)
    assert (len(found.errors), found.worst_example) == (2, 0)


def test_calls_of_several_sizes_add_up() -> None:
    small, large = _normal(0, 2, 3, 5), _normal(1, 2, 7, 5)
    found = _measured((small, small), (large, large + 0.1))
    assert found.errors == pytest.approx([0, 0, 0.1, 0.1], abs=1e-6)
    signal = sum(((part - part.mean(axis=0)) ** 2).sum() for part in (small, large))
    assert found.sqnr_db == pytest.approx(10 * math.log10(signal / (0.1**2 * large.size)), abs=0.01)


def test_rounding_of_a_large_constant_is_no_signal() -> None:
    expected = np.full([50, 1], 1e6)
    expected[::2] = np.nextafter(np.float32(1e6), np.float32(2e6))
    found = _measured((expected, np.full([50, 1], 1e6)))
    assert found.sqnr_db is None
    assert found.constant_columns == ()


def test_unlikely_class_may_become_constant() -> None:
    expected = np.abs(_normal(0, 50, 3))
    expected[:, 2] = 0.001 * np.random.default_rng(1).uniform(size=50)
    expected /= expected.sum(axis=1, keepdims=True)
    actual = expected.copy()
    actual[:, 2] = 0
    assert _measured((expected, actual)).constant_columns == ()
    # the same loss matters where values are no probabilities
    assert _measured((expected * 9, actual * 9)).constant_columns == (2,)


def test_empty_outputs_are_equal() -> None:
    empty = np.zeros([0, 4])
    found = _measured((empty, empty), is_per_example=False)
    assert (found.max_abs_error, found.mean_abs_error, found.relative_error) == (0, 0, 0)
    assert (found.sqnr_db, found.argmax_agreement) == (None, None)


def test_unusual_magnitudes_count_in_the_relative_error_only() -> None:
    sums = Sums(np.dtype(np.float32))
    usual = _normal(0, 16, 3)
    sums.add(usual, usual)
    sums.add(1000 * usual, 1000 * usual * 1.01, is_unusual=True)
    found = sums.comparison()
    assert (found.max_abs_error, found.sqnr_db, len(found.errors)) == (0, math.inf, 16)
    assert found.relative_error == pytest.approx(0.02, abs=0.01)


def test_nan_on_one_side_of_an_unusual_magnitude_is_an_infinite_error() -> None:
    sums = Sums(np.dtype(np.float32))
    sums.add(np.ones([2, 2]), np.ones([2, 2]))
    sums.add(np.ones([2, 2]), np.full([2, 2], np.nan), is_unusual=True)
    assert sums.comparison().max_abs_error == math.inf


@pytest.mark.parametrize("k", [2, 3, 5])
def test_sorted_scores_have_no_argmax_agreement(k: int) -> None:
    scores = -np.sort(-_normal(0, 30, k), axis=1)
    assert _measured((scores, scores)).argmax_agreement is None


def test_two_classes_of_which_one_is_always_likelier_have_an_agreement() -> None:
    first = np.random.default_rng(0).uniform(0.6, 0.9, size=[30, 1])
    scores = np.concatenate([first, 1 - first], axis=1)
    assert _measured((scores, scores)).argmax_agreement == 1


def test_ids_of_top_k_overlap() -> None:
    expected = [[4, 1, 7], [0, 2, 5], [3, 1, 0], [8, 7, 6]]
    actual = [[1, 4, 7], [0, 2, 5], [3, 2, 1], [8, 7, 6]]
    found = _measured((expected, actual), dtype=np.int32)
    assert found.top_k_overlap == pytest.approx((1 + 1 + 2 / 3 + 1) / 4)
    assert found.equal_share == pytest.approx(8 / 12)
    assert found.argmax_agreement is None


def test_integers_that_repeat_are_no_ids_of_top_k() -> None:
    rows = [[1, 1], [2, 3], [3, 4], [5, 6]]
    assert _measured((rows, rows), dtype=np.int64).top_k_overlap is None


def test_large_outputs_are_measured_as_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, noise = _normal(0, 30, 5000), 0.1 * _normal(1, 30, 5000)
    whole = _measured((expected, expected + noise))
    monkeypatch.setattr("tfx_tflite_component.verification.measures._ELEMENTS_AT_ONCE", 10_000)
    parts = _measured((expected, expected + noise))
    assert parts.errors == whole.errors
    assert parts.sqnr_db == pytest.approx(whole.sqnr_db)
    # measured at 4,096 of 5,000 positions
    assert whole.worst_tenth_sqnr_db == pytest.approx(whole.sqnr_db, abs=1)
