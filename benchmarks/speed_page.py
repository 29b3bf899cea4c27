"""Makes docs/speed.md from the files that `make bench` writes to results/.

python benchmarks/speed_page.py
"""

import dataclasses
import json
import pathlib
import textwrap
from collections.abc import Iterator, Mapping

from accounts import ACCOUNTS, INTRODUCTIONS
from measuring import Row

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "speed.md"

_INTRODUCTION = """\
# Speed

<!-- benchmarks/speed_page.py makes this page. -->

`make bench` measures this package against the least that the same work could take, and makes this
page. Nothing here is older than the dates of these versions:

{runs}

Each measurement is a process of its own or takes turns with what it is compared with, so that both
meet the same other load; the figures are medians. A cell holds the ratio, and in parentheses the
figure of this package and the one it is compared with. Nothing else ran
on the two cores, except for TFX 1.21's rows about the command line, the component and examples.
"""


@dataclasses.dataclass(frozen=True)
class Results:
    """The results for a version of TFX.

    Attributes:
        date: The date of the oldest result, ISO 8601.
        versions: The versions of TFX, TensorFlow and Python.
        rows: The rows by their keys.
    """

    date: str
    versions: Mapping[str, str]
    rows: Mapping[str, Row]


def read_results() -> list[Results]:
    """The results for each version of TFX, the oldest first."""
    return [_read(path) for path in sorted(RESULTS.glob("*.json"))]


def page() -> str:
    """The page's content."""
    runs = read_results()
    text = "\n".join(
        f"- TFX {run.versions['tfx']}, TensorFlow {run.versions['tensorflow']}, "
        f"Python {run.versions['python']}: {run.date}"
        for run in runs
    )
    sections = dict.fromkeys(row.section for run in runs for row in run.rows.values())
    parts = [_INTRODUCTION.format(runs=text)]
    parts += ["\n".join(_section(section, runs)) for section in sections]
    return "\n".join(parts)


def missed(runs: list[Results]) -> list[Row]:
    """The rows that miss their aim in a run, each once."""
    rows = {key: row for run in runs for key, row in run.rows.items() if not row.is_met}
    return list(rows.values())


def _read(path: pathlib.Path) -> Results:
    found = json.loads(path.read_text())
    subjects = found["subjects"].values()
    rows = [Row(**row) for subject in subjects for row in subject["rows"]]
    date = min(subject["date"] for subject in subjects)
    return Results(date, found["versions"], {row.key: row for row in rows})


def _section(section: str, runs: list[Results]) -> Iterator[str]:
    rows = {key: row for run in runs for key, row in run.rows.items() if row.section == section}
    versions = [f"TFX {run.versions['tfx']}" for run in runs]
    yield f"## {section}\n"
    if section in INTRODUCTIONS:
        yield f"{INTRODUCTIONS[section]}\n"
    yield f"| | compared with | {' | '.join(versions)} | aim |"
    yield f"| --- | --- | {'--- | ' * len(runs)}--- |"
    for key, row in rows.items():
        cells = [_cell(run.rows.get(key)) for run in runs]
        bound = "at least" if row.is_least else "at most"
        yield f"| {row.measured} | {row.against} | {' | '.join(cells)} | {bound} {row.aim} |"
    yield ""
    for account, keys in _accounts(section, runs).items():
        yield textwrap.fill(
            f"Missed: {'; '.join(rows[key].measured for key in keys)}. {account}",
            100,
            break_on_hyphens=False,
        )
        yield ""


def _accounts(section: str, runs: list[Results]) -> dict[str, list[str]]:
    """The accounts of a section's rows that miss their aim, and the keys of these rows."""
    accounts: dict[str, list[str]] = {}
    for row in missed(runs):
        if row.section == section:
            accounts.setdefault(ACCOUNTS.get(row.key, ""), []).append(row.key)
    return accounts


def _cell(row: Row | None) -> str:
    if row is None:
        return "cannot be run"
    figures = f"{_figure(row.ours)} / {_figure(row.base)} {row.unit}"
    return f"**{row.ratio:.2f}**{'' if row.is_met else ', missed'} ({figures})"


def _figure(value: float) -> str:
    """Three digits, or all of a larger number."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    PAGE.write_text(page())
