"""What pages are made of: numbers for people, the chart of errors, and the verdict."""

import dataclasses
import math

import pytest
from report_example import wordy
from versions import OF_NO_VERSION

from tfx_tflite_component.report.chart import HEIGHT, WIDTH, error_chart
from tfx_tflite_component.report.formats import cost_color, duration, margin, measure, size
from tfx_tflite_component.report.page import render
from tfx_tflite_component.split.boundary import Boundary

pytestmark = OF_NO_VERSION


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (22_530, "22.5 kB"),
        (3.1e9, "3.1 GB"),
        (5e12, "5e+03 GB"),
    ],
)
def test_size_has_three_digits_and_a_unit(count: float, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0.0114, "11.4 us"), (1, "1 ms"), (2500, "2.5 s"), (0.0000005, "0.5 ns")],
)
def test_duration_has_the_unit_that_fits(milliseconds: float, words: str) -> None:
    assert duration(milliseconds) == words


@pytest.mark.parametrize(
    ("name", "measured", "limit", "words"),
    [
        ("max_abs_error", 1e-6, 1e-4, "100 times below"),
        ("max_abs_error", 2e-4, 1e-4, "2 times above"),
        ("max_abs_error", 0.0, 0.0, "no difference"),
        ("relative_error", 0.0, 1e-4, "within rounding"),
        ("max_abs_error", 1e-9, 0.0, "above"),
        ("max_abs_error", math.inf, 1e-4, "above"),
        ("sqnr_db", 23.1, 20.0, "3.1 dB above"),
        ("argmax_agreement", 0.95, 0.99, "4.00 points below"),
    ],
)
def test_margin_says_on_which_side_of_the_limit(
    name: str, measured: float, limit: float, words: str
) -> None:
    assert margin(name, measured, limit) == words


def test_measures_have_their_units() -> None:
    assert measure("argmax_agreement", 0.995) == "99.50%"
    assert measure("sqnr_db", 31.25) == "31.25 dB"


def test_chart_holds_every_finite_error_and_counts_the_others() -> None:
    errors = [0.0, 1e-7, 2e-7, 1e-5, 1e-3, math.inf]
    chart = error_chart(errors, limit=1e-4)
    assert sum(bar.count for bar in chart.bars) == 4
    assert (chart.exact, chart.infinite, chart.most) == (1, 1, 1)
    assert max(bar.height for bar in chart.bars) == HEIGHT
    for error in errors[1:5]:
        assert any(
            bar.low <= error * 1.000001 and error < bar.high * 1.000001 for bar in chart.bars
        )


def test_chart_has_a_tick_at_each_power_of_ten_and_the_limit_between_them() -> None:
    chart = error_chart([2e-6, 3e-5], limit=1e-4)
    assert [tick.label for tick in chart.ticks] == ["1e-6", "1e-5", "1e-4", "1e-3"]
    assert [round(tick.at) for tick in chart.ticks] == [0, 240, 480, WIDTH]
    assert chart.limit == pytest.approx(480)


def test_chart_of_equal_outputs_is_empty() -> None:
    chart = error_chart([0.0, 0.0], limit=1e-4)
    assert (chart.bars, chart.exact, chart.limit) == ((), 2, None)


def test_chart_of_far_apart_errors_keeps_the_largest_decades() -> None:
    chart = error_chart([1e-30, 1.0], limit=None)
    assert len(chart.ticks) == 9
    assert chart.bars[0].count == 1


@pytest.mark.parametrize("boundary", Boundary)
def test_page_has_a_sentence_for_each_boundary(boundary: Boundary) -> None:
    assert f"<code>{boundary}</code>" in render(dataclasses.replace(wordy(), boundary=boundary))


def test_page_says_where_the_worst_examples_are_stored() -> None:
    assert "example 5: record 12 of <code>/data/" in render(wordy())


def test_op_has_the_color_of_what_quantizing_it_costs() -> None:
    free = [decibels for decibels in (0, 12.5, 60, math.inf) if " 0%" in cost_color(decibels)]
    assert free == [60, math.inf]
    page = render(wordy())
    assert page.count(f"--cost: {cost_color(12.5)}") == 2 * len(wordy().model.ops)
    assert "12.5 dB" in page
    assert '<input type="checkbox"' not in render(dataclasses.replace(wordy(), search=None))


def test_page_has_the_size_of_each_layer_and_the_ops_in_order() -> None:
    report = wordy()
    op = dataclasses.replace(report.model.ops[0], scope="", constant_bytes=0)
    layers = [
        dataclasses.replace(
            op, name=f"OP_{index}", scope=f"layer_{index % 10}", constant_bytes=size
        )
        for index, size in enumerate(range(600))
    ]
    page = render(
        dataclasses.replace(report, model=dataclasses.replace(report.model, ops=(op, *layers)))
    )
    order = [page.index(f"<code>layer_<wbr>{index}</code>") for index in (9, 8, 7)]
    assert order == sorted(order)
    assert "2 smaller layers" in page
    assert "The first 500 of 601." in page
    assert page.count('<i class="dot ') == 500
