"""The columns of a CSV file, and what they hold."""

import collections
import csv
import dataclasses
import math
import pathlib
import random
from collections.abc import Sequence

_MOST_CLASSES = 50
_FOLDS = 5
_SEED = 1
_LARGEST = 3e38  # of a 32-bit float
_EMPTY = ("", "nan")


@dataclasses.dataclass(frozen=True)
class Table:
    """A CSV file, in a random order.

    Attributes:
        numbers: The cells of each column of numbers; NaN where one is empty.
        words: The cells of each column of words.
        left_out: The columns that nothing can be learned from, with the reason.
        label: The cells of the column that is to be predicted.
        classes: The values of the label; empty if it is a number to predict.
    """

    numbers: dict[str, list[float]]
    words: dict[str, list[str]]
    left_out: dict[str, str]
    label: list[str]
    classes: list[str]

    @property
    def held_out(self) -> int:
        """The number of rows at the start that nothing is taken from but the test."""
        return len(self.label) // _FOLDS


def read_table(path: pathlib.Path, label: str | None) -> Table:
    """Reads a CSV file.

    Args:
        path: The file, with the names of its columns in the first line.
        label: The column to predict; None for the last one.

    Raises:
        ValueError: It is not CSV in UTF-8, or nothing can be learned from it.
    """
    names, rows = _read(path)
    label = label or (names[-1] if names else "")
    rows = [row for row in rows if (row.get(label) or "").strip().lower() not in _EMPTY]
    if len(names) < 2 or len(rows) < _FOLDS:
        raise ValueError(
            f"{path} has the columns {names} and {len(rows)} rows with a value in {label!r}; "
            f"expected two columns or more, separated by commas, {label!r} among them, and "
            f"{_FOLDS} rows. Name another file, or another column with --label."
        )
    random.Random(_SEED).shuffle(rows)
    columns = {name: [row[name] or "" for row in rows] for name in names if name != label}
    left_out = {name: why for name, cells in columns.items() if (why := _useless(name, cells))}
    used = {name: cells for name, cells in columns.items() if name not in left_out}
    numbers = {name: found for name, cells in used.items() if (found := _numbers(cells))}
    words = {name: cells for name, cells in used.items() if name not in numbers}
    if not used:
        raise ValueError(
            f"Nothing in {path} can predict {label!r}: all other columns are left out, {left_out}. "
            "Add a column of numbers, or of words that occur more than once."
        )
    targets = [row[label] for row in rows]
    return Table(numbers, words, left_out, targets, _classes(targets, label))


def _read(path: pathlib.Path) -> tuple[list[str], list[dict[str, str | None]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or []), list(reader)
    except (csv.Error, UnicodeDecodeError) as e:
        raise ValueError(
            f"{path} cannot be read: {e}; expected CSV in UTF-8, with commas. Save it as that."
        ) from e


def _useless(name: str, cells: Sequence[str]) -> str:
    """Why nothing can be learned from a column; empty if something can."""
    if not name:
        return "it has no name"
    if not any(cells):
        return "it is empty"
    return "" if _numbers(cells) or _recur(cells) else "most of its words occur only once"


def _recur(cells: Sequence[str]) -> bool:
    """Whether most of the cells that are not empty hold a word that others hold too."""
    counts = collections.Counter(cell for cell in cells if cell)
    return 2 * list(counts.values()).count(1) <= counts.total()


def _classes(targets: Sequence[str], label: str) -> list[str]:
    """The classes of a label, or none if it is a number."""
    classes = sorted({*targets})
    if _numbers(targets) and (len(classes) > _MOST_CLASSES or not _recur(targets)):
        return []
    if len(classes) < 2 or not _recur(targets):
        raise ValueError(
            f"Column {label!r} has {len(classes)} different values in {len(targets)} rows, such as "
            f"{classes[:2]}; expected numbers, or two classes or more with several rows each. Name "
            "another column with --label."
        )
    return classes


def _numbers(cells: Sequence[str]) -> list[float]:
    """The cells as numbers, NaN where one is empty; nothing if they are something else."""
    try:
        numbers = [float(cell or "nan") for cell in cells]
    except ValueError:
        return []
    known = [abs(number) for number in numbers if not math.isnan(number)]
    return numbers if known and max(known) < _LARGEST else []
