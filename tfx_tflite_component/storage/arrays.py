"""Named arrays in a file."""

import pathlib
from collections.abc import Mapping

import numpy as np


def save_arrays(path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Stores arrays of any names; words become fixed-width bytes.

    NumPy takes names as keyword arguments, of which it has some of its own, and stores words as
    pickles.
    """
    stored = [a.astype("S") if a.dtype == object else a for a in arrays.values()]
    np.savez(path, np.array(list(arrays), str), *stored)


def load_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads what `save_arrays` stored."""
    with np.load(path, allow_pickle=False) as stored:
        names, *arrays = [stored[f"arr_{i}"] for i in range(len(stored.files))]
    return dict(zip(names.tolist(), arrays, strict=True))
