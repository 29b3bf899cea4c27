"""Keras models in files, read without running any Python code in them.

A Keras file is a description of layers and their weights. Both are read and checked here before
Keras sees them.
"""

import importlib
import io
import json
import pathlib
import textwrap
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import h5py

from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.keras_files.checks import (
    EXPORT,
    check_description,
    check_members,
    check_weights,
    remedy_for_own_classes,
)
from tfx_tflite_component.keras_files.export import export_keras_model
from tfx_tflite_component.progress import Phase, begin

# The package that reads the files of each major version of Keras.
_PACKAGES = {"1": "tf_keras", "2": "tf_keras", "3": "keras"}
_REASON_CHARACTERS = 300
_WEIGHTS = "model.weights.h5"


def export_keras_file(path: pathlib.Path, folder: pathlib.Path) -> None:
    """Exports a Keras model in a file as a SavedModel.

    Args:
        path: As for `load_keras_file`.
        folder: Where the SavedModel is written.

    Raises:
        SourceModelError: As `load_keras_file` raises it, or Keras cannot export the model.
    """
    export_keras_model(load_keras_file(path), folder)


def load_keras_file(path: pathlib.Path) -> Any:
    """Loads a Keras model with the Keras that wrote it: Keras 3 or tf_keras.

    Args:
        path: A `.keras` or `.h5` file.

    Raises:
        SourceModelError: There is no such model, it cannot be read, or it holds Python code.
    """
    version, config = _stored(path)
    keras = _keras(version, path)
    check_description(config, keras, path)
    begin(Phase.LOADING_KERAS)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as e:  # Keras raises nearly anything
        raise SourceModelError(
            f"{keras.__name__} {keras.__version__} cannot load {path}, saved by Keras {version}: "
            f"{_reason(e)} Check that all of it was copied. {remedy_for_own_classes(keras)}"
        ) from e


def _stored(path: pathlib.Path) -> tuple[str, Any]:
    """The version of Keras that saved a file, and the description of its model."""
    if not path.is_file():
        raise SourceModelError(f"There is no Keras model {path}. Name a .keras or .h5 file.")
    if path.suffix not in _READERS:
        raise SourceModelError(
            f"{path} is not named like a Keras model: it ends in {path.suffix!r}, expected one of "
            f"{', '.join(_READERS)}. Name the file that Keras saved."
        )
    try:
        return _READERS[path.suffix](path)
    except SourceModelError:
        raise
    except Exception as e:  # a damaged archive raises nearly anything
        raise SourceModelError(
            f"{path} is not a Keras model, is damaged, or holds only weights: {type(e).__name__}: "
            f"{e}. Name a file that `model.save` wrote, and check that it was copied whole."
        ) from e


def _read_archive(path: pathlib.Path) -> tuple[str, Any]:
    with zipfile.ZipFile(path) as archive:
        check_members(archive.infolist(), path)
        metadata = json.loads(archive.read("metadata.json"))
        if _WEIGHTS in archive.namelist():
            with h5py.File(io.BytesIO(archive.read(_WEIGHTS))) as weights:
                check_weights(weights, path)
        return str(metadata["keras_version"]), json.loads(archive.read("config.json"))


def _read_hdf5(path: pathlib.Path) -> tuple[str, Any]:
    with h5py.File(path) as file:
        check_weights(file, path)
        version = file.attrs["keras_version"]
        # older versions of Keras wrote bytes
        version = version.decode() if isinstance(version, bytes) else str(version)
        return version, json.loads(file.attrs["model_config"])


_READERS: Mapping[str, Callable[[pathlib.Path], tuple[str, Any]]] = {
    ".keras": _read_archive,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
}


def _keras(version: str, path: pathlib.Path) -> Any:
    package = _PACKAGES.get(version.partition(".")[0])
    if package is None:
        raise SourceModelError(
            f"{path} was saved by Keras {version!r}, which is not known here. Instead, {EXPORT}."
        )
    try:
        return importlib.import_module(package)
    except ImportError as e:
        raise SourceModelError(
            f"{path} was saved by Keras {version}, which the package {package} reads, and that "
            f"cannot be imported: {e}. Install {package} of TensorFlow's version, or {EXPORT}."
        ) from e


def _reason(error: Exception) -> str:
    """Keras's error message, without the full description that it repeats for each outer layer."""
    innermost = str(error).rpartition("Exception encountered: ")[2]
    return textwrap.shorten(innermost.partition("Full object config")[0], _REASON_CHARACTERS)
