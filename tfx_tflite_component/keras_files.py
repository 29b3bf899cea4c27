"""Keras models in files, read without running any Python that they bring along.

A Keras file is a description of layers and their weights. It can also hold marshalled Python code,
and name any class or function to import; Keras refuses these in some formats and versions alone.
So the description is read and checked here before Keras sees it.
"""

import builtins
import importlib
import json
import os
import pathlib
import textwrap
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import h5py

from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.progress import begin
from tfx_tflite_component.standalone import (
    Config,
    Examples,
    Path,
    rewrite_keras_model,
    rewrite_saved_model,
)

# Who reads what which major version of Keras wrote.
_PACKAGES = {"1": "tf_keras", "2": "tf_keras", "3": "keras"}
# What holds Python code, or an archive of a kind that can.
_CODE = ("Lambda", "__lambda__", "TorchModuleWrapper", "ClassMethod", "InstanceMethod")
# The layers that Keras 2 makes of calls of TensorFlow, whose functions also read and delete files.
_CALLS = ("TFOpLambda", "SlicingOpLambda")
_CALLED_MODULES = ("__operators__", "math", "nn", "linalg", "image", "signal", "strings")
_CALLED = (
    *("abs", "add", "subtract", "multiply", "matmul", "maximum", "minimum", "clip_by_value"),
    *("cast", "identity", "one_hot", "ones_like", "zeros_like", "where"),
    *("concat", "expand_dims", "pad", "reshape", "reverse", "shape", "split", "squeeze", "stack"),
    *("gather", "slice", "strided_slice", "tile", "transpose", "unstack"),
)
_REASON_CHARACTERS = 300
_EXPORT = "export a SavedModel with `model.export` where the model was made"


def rewrite_keras_file(
    path: Path, destination: Path, config: Config = None, examples: Examples | None = None
) -> dict[str, Any]:
    """Rewrites a Keras model in a file into a TFLite model.

    Args:
        path: A local `.keras` or `.h5` file, of Keras 3 or of Keras 2, or the folder of a
            SavedModel, as Keras 2 saved models.
        destination: As for `rewrite_saved_model`, like the arguments that follow.
        config: As there.
        examples: As for `rewrite_keras_model`; for a folder, as for `rewrite_saved_model`.

    Returns:
        The report.

    Raises:
        SourceModelError: There is no such model, it cannot be read, or it holds Python code.
        RewriterError: What else was refused, and why.
    """
    if os.path.isdir(path):
        return rewrite_saved_model(path, destination, config, examples)
    return rewrite_keras_model(load_keras_file(pathlib.Path(path)), destination, config, examples)


def load_keras_file(path: pathlib.Path) -> Any:
    """Loads a Keras model, by Keras 3 or by tf_keras, whichever wrote it.

    Args:
        path: A `.keras` or `.h5` file.

    Raises:
        SourceModelError: There is no such model, it cannot be read, or it holds Python code.
    """
    version, config = _stored(path)
    keras = _keras(version, path)
    _check_config(config, keras, path)
    begin("loading the Keras model")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as e:  # Keras raises nearly anything
        raise SourceModelError(
            f"{keras.__name__} {keras.__version__} cannot load {path}, saved by Keras {version}: "
            f"{_reason(e)} Check that it was copied whole. {_remedy_for_own_classes(keras)}"
        ) from e


def _stored(path: pathlib.Path) -> tuple[str, Any]:
    """The version of Keras that saved a file, and the description of the model in it."""
    if not path.is_file():
        raise SourceModelError(f"There is no Keras model {path}. Name a .keras or .h5 file.")
    if path.suffix not in _READERS:
        raise SourceModelError(
            f"{path} is no Keras model by its name: it ends in {path.suffix!r}, expected one of "
            f"{', '.join(_READERS)}. Name the file that Keras saved."
        )
    try:
        return _READERS[path.suffix](path)
    except Exception as e:  # a damaged archive raises nearly anything
        raise SourceModelError(
            f"{path} is no Keras model, is damaged, or holds weights alone: {type(e).__name__}: "
            f"{e}. Name a file that `model.save` wrote, and check that it was copied whole."
        ) from e


def _read_archive(path: pathlib.Path) -> tuple[str, Any]:
    with zipfile.ZipFile(path) as archive:
        metadata = json.loads(archive.read("metadata.json"))
        return str(metadata["keras_version"]), json.loads(archive.read("config.json"))


def _read_hdf5(path: pathlib.Path) -> tuple[str, Any]:
    with h5py.File(path) as file:
        version = file.attrs["keras_version"]
        # Keras wrote bytes once
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
            f"{path} was saved by Keras {version!r}, which is not known here. Instead, {_EXPORT}."
        )
    try:
        return importlib.import_module(package)
    except ImportError as e:
        raise SourceModelError(
            f"{path} was saved by Keras {version}, which the package {package} reads, and that "
            f"cannot be imported: {e}. Install {package} of TensorFlow's version, or {_EXPORT}."
        ) from e


def _check_config(config: Any, keras: Any, path: pathlib.Path) -> None:
    """Refuses a description that holds code, or names what Keras would have to import."""
    if isinstance(config, dict):
        # not read, as the model is not trained here
        config = {key: value for key, value in config.items() if key != "compile_config"}
    for entry in _objects(config):
        name = entry.get("class_name")
        if name in _CODE:
            raise SourceModelError(
                f"{path} holds Python code, in {_described(entry)}, which is not run. Build the "
                f"model in Python and pass it to rewrite_keras_model, or {_EXPORT}."
            )
        if name in _CALLS:
            _check_call(entry, path)
        if isinstance(entry.get("vocabulary"), str):
            raise SourceModelError(
                f"{path} reads its vocabulary from a file of this machine, "
                f"{entry['vocabulary']!r}; expected the words themselves. Instead, {_EXPORT}."
            )
        if name is not None and not _is_known(entry, keras):
            raise SourceModelError(
                f"{path} holds {name!r} of the module {entry['module']!r}, which is not Keras's "
                f"own and not imported for a file. {_remedy_for_own_classes(keras)}"
            )


def _check_call(entry: Mapping[str, Any], path: pathlib.Path) -> None:
    """Refuses a call of TensorFlow that is not known to do nothing but compute."""
    config = entry.get("config")
    function = str(config.get("function") if isinstance(config, dict) else None)
    module, _, name = function.rpartition(".")
    if not (module in _CALLED_MODULES or (not module and name in _CALLED)):
        raise SourceModelError(
            f"{path} calls TensorFlow's function {function!r}, in {_described(entry)}, which is "
            f"not known to compute alone. Instead, {_EXPORT}."
        )


def _objects(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a description."""
    left = [config]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left += value.values()
        elif isinstance(value, list):
            left += value


def _is_known(entry: Mapping[str, Any], keras: Any) -> bool:
    """Whether a class or function is Keras's own, or registered in this process."""
    module = entry.get("module")
    if module is None:
        return True
    if str(module).partition(".")[0] in ("keras", "tf_keras"):
        # with a dot, it is an attribute of something in the module
        return "." not in str(entry["class_name"])
    if module == "builtins":
        # how Keras writes its own functions; tf_keras finds those of Python there as well
        return entry["class_name"] == "function" and not hasattr(builtins, str(entry.get("config")))
    return keras.saving.get_registered_object(entry.get("registered_name")) is not None


def _described(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    layer = config.get("name") if isinstance(config, dict) else None
    return f"the {entry['class_name']} layer {layer!r}" if layer else "a lambda function"


def _remedy_for_own_classes(keras: Any) -> str:
    return (
        "Register classes of your own in Python with "
        f"@{keras.__name__}.saving.register_keras_serializable, load the model there and pass it "
        f"to rewrite_keras_model, or {_EXPORT}."
    )


def _reason(error: Exception) -> str:
    """What Keras found, without the whole description, which it tells for each layer around it."""
    innermost = str(error).rpartition("Exception encountered: ")[2]
    return textwrap.shorten(innermost.partition("Full object config")[0], _REASON_CHARACTERS)
