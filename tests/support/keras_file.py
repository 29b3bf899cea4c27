"""Changes the content of Keras files."""

import contextlib
import io
import json
import pathlib
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import h5py

Json = dict[str, Any]


def edit(path: pathlib.Path, change: Callable[[Json], object]) -> None:
    """Changes the description of the model in a file."""
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)
        return
    with members(path) as content:
        config = json.loads(content["config.json"])
        change(config)
        content["config.json"] = json.dumps(config).encode()


def edit_weights(path: pathlib.Path, change: Callable[[h5py.Group], object]) -> None:
    """Changes the weights of the model in a file."""
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            change(next(item for item in file.values() if isinstance(item, h5py.Group)))
        return
    with members(path) as content:
        weights = io.BytesIO(content["model.weights.h5"])
        with h5py.File(weights, "a") as file:
            change(next(item for item in file.values() if isinstance(item, h5py.Group)))
        content["model.weights.h5"] = weights.getvalue()


@contextlib.contextmanager
def members(path: pathlib.Path) -> Iterator[dict[str, bytes]]:
    """The members of an archive, written back as they are changed."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    yield content
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
