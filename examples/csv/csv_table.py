"""The columns of a CSV file, and what they hold."""

import csv
import dataclasses
import pathlib
import random

_MOST_CLASSES = 50
_FOLDS = 5
_SEED = 1


@dataclasses.dataclass(frozen=True)
class Table:
    """A CSV file, in a random order.

    Attributes:
        numbers: The cells of each column of numbers, as text; empty where one is missing.
        words: The cells of each column of words.
        label: The cells of the column that is to be predicted.
        classes: The values of the label; empty if it is a number to predict.
    """

    numbers: dict[str, list[str]]
    words: dict[str, list[str]]
    label: list[str]
    classes: list[str]

    @property
    def held_out(self) -> int:
        """The number of rows at the start that nothing is trained on."""
        return len(self.label) // _FOLDS


def read_table(path: pathlib.Path, label: str | None) -> Table:
    """Reads a CSV file.

    Args:
        path: The file, with the names of its columns in the first line.
        label: The column to predict; None for the last one.

    Raises:
        ValueError: It has no such column, or too few rows with a label.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0]) if rows else []
    label = label or (names[-1] if names else "")
    rows = [row for row in rows if row.get(label)]
    if len(names) < 2 or len(rows) < _FOLDS:
        raise ValueError(
            f"{path} has the columns {names} and {len(rows)} rows with a value in {label!r}; "
            f"expected two columns or more, {label!r} among them, and {_FOLDS} rows. Name another "
            "file, or another column with --label."
        )
    random.Random(_SEED).shuffle(rows)
    columns = {name: [row[name] or "" for row in rows] for name in names if name != label}
    numbers = {name: cells for name, cells in columns.items() if _are_numbers(cells)}
    words = {name: cells for name, cells in columns.items() if name not in numbers}
    targets = [row[label] for row in rows]
    classes = sorted({*targets})
    is_number = _are_numbers(targets) and len(classes) > _MOST_CLASSES
    return Table(numbers, words, targets, [] if is_number else classes)


def _are_numbers(cells: list[str]) -> bool:
    try:
        return bool([float(cell) for cell in cells if cell])
    except ValueError:
        return False
