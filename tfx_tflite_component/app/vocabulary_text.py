"""Lookup tables as text: the vocabulary file that an app can take, or the words themselves."""

import pathlib

import numpy as np

from tfx_tflite_component.app.step_text import constant_text

_MOST_ENTRIES = 100


def lookup_text(
    key: str, default: str, keys: np.ndarray, values: np.ndarray, assets: pathlib.Path
) -> str:
    """A lookup as text.

    Args:
        key: What is looked up.
        default: The result for a key that the table lacks.
        keys: The keys of the table.
        values: The value of each.
        assets: The folder of the SavedModel's assets.
    """
    return f"{_found(key, keys, values, assets)}; {default} if it is not there"


def _found(key: str, keys: np.ndarray, values: np.ndarray, assets: pathlib.Path) -> str:
    order = np.argsort(values)
    if values.dtype.kind in "iu" and np.array_equal(values[order], np.arange(len(keys))):
        words = keys[order]
        file = _file_of(words.tolist(), assets)
        place = f"the {len(words)} lines of assets/{file}" if file else constant_text(words)
        return f"the position of {key}, from 0, in {place}"
    entries = [
        f"{constant_text(keys[i])}: {constant_text(values[i])}"
        for i in range(min(len(keys), _MOST_ENTRIES))
    ]
    left = len(keys) - len(entries)
    table = ", ".join([*entries, *([f"and {left} more"] if left else [])])
    return f"the value of {key} in {{{table}}}"


def _file_of(words: list[object], assets: pathlib.Path) -> str:
    """The name of the asset that has these lines; empty if none has."""
    files = sorted(path for path in assets.glob("*") if path.is_file())
    return next((file.name for file in files if file.read_bytes().splitlines() == words), "")
