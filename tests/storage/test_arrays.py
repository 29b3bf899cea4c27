"""Arrays in a file, by any name."""

import pathlib

import numpy as np
import pytest

from tfx_tflite_component.storage.arrays import load_arrays, save_arrays


@pytest.mark.parametrize("name", ["x", "file", "allow_pickle", "arr_0", "a/b", "größe"])
def test_name_of_an_array_is_kept(tmp_path: pathlib.Path, name: str) -> None:
    save_arrays(tmp_path / "inputs.npz", {name: np.float32([1, 2]), "other": np.int64([3])})
    loaded = load_arrays(tmp_path / "inputs.npz")
    assert list(loaded) == [name, "other"]
    assert loaded[name].tolist() == [1, 2]


def test_words_are_stored_without_pickles(tmp_path: pathlib.Path) -> None:
    save_arrays(tmp_path / "inputs.npz", {"words": np.array([b"a", b"longer"], object)})
    assert load_arrays(tmp_path / "inputs.npz")["words"].tolist() == [b"a", b"longer"]
