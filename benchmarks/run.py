"""Measures time and memory: prints a table, and writes results/ and docs/speed.md.

python benchmarks/run.py [SUBJECT...]

SUBJECT is a module of subjects/. The results of others are kept, with their dates.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Mapping

from measuring import Row
from speed_page import PAGE, RESULTS, page
from subjects import command_line, component, examples, growth, lowering, scoring

_SUBJECTS = {
    module.__name__.split(".")[-1]: module.rows
    for module in (command_line, component, examples, scoring, growth, lowering)
}


def main(names: list[str]) -> None:
    """Measures the subjects."""
    measured: dict[str, list[Row]] = {}
    for name in names or _SUBJECTS:
        start = time.monotonic()
        print(f"Measuring {name}", end="", file=sys.stderr, flush=True)
        measured[name] = _SUBJECTS[name]()
        print(f": {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        print("\n".join(map(_line, measured[name])), flush=True)
    _write(measured)


def _line(row: Row) -> str:
    bound = "at least" if row.is_least else "at most"
    return (
        f"{row.measured}; against {row.against}:\n"
        f"    {row.ours:,.3f} / {row.base:,.3f} {row.unit} = {row.ratio:.3f}, "
        f"aim {bound} {row.aim}: {'met' if row.is_met else 'MISSED'}"
    )


def _write(measured: Mapping[str, list[Row]]) -> None:
    versions = {name: importlib.metadata.version(name) for name in ("tfx", "tensorflow")}
    path = RESULTS / f"tfx-{'.'.join(versions['tfx'].split('.')[:2])}.json"
    earlier = json.loads(path.read_text())["subjects"] if path.exists() else {}
    date = datetime.date.today().isoformat()
    now = {
        name: {"date": date, "rows": [dataclasses.asdict(row) for row in rows]}
        for name, rows in measured.items()
    }
    found = {**earlier, **now}
    results = {
        "versions": {**versions, "python": platform.python_version()},
        # in the order of the page
        "subjects": {name: found[name] for name in _SUBJECTS if name in found},
    }
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")
    PAGE.write_text(page())


if __name__ == "__main__":
    main(sys.argv[1:])
