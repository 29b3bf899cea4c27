"""The page on speed: made from the results of `make bench`, with an account of each missed aim."""

import runpy
from typing import Any

import pytest
from pages import CHECKOUT


@pytest.fixture
def speed_page(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The contents of the script that makes the page."""
    monkeypatch.syspath_prepend(CHECKOUT / "benchmarks")
    return runpy.run_path(str(CHECKOUT / "benchmarks" / "speed_page.py"))


def test_page_is_made_from_the_results(speed_page: dict[str, Any]) -> None:
    assert (CHECKOUT / "docs" / "speed.md").read_text() == speed_page["page"]()


def test_newest_version_lacks_only_rows_that_need_select_tf_ops(
    speed_page: dict[str, Any],
) -> None:
    first, second = speed_page["read_results"]()
    needs_select_tf_ops = {"lstm_lowered_ms", "buckets_lowered_ms"}
    assert [key for key in first.rows if key not in needs_select_tf_ops] == list(second.rows)
    assert [run.versions["tfx"][:4] for run in (first, second)] == ["1.16", "1.21"]


def test_each_missed_aim_has_an_account(speed_page: dict[str, Any]) -> None:
    runs = speed_page["read_results"]()
    assert {row.key for row in speed_page["missed"](runs)} <= set(speed_page["ACCOUNTS"])
