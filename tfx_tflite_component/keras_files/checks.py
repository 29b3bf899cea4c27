"""Checks that the layers of a Keras file do nothing but compute, with data from the file.

A Keras file can also contain marshalled Python code, name any class or function to import, and
refer to other files. Keras rejects these only in some formats and versions.
"""

import inspect
import pathlib
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py

from tfx_tflite_component.errors import SourceModelError, listed

EXPORT = "export a SavedModel with `model.export` where the model was made"

_KERAS = ("keras", "tf_keras")
# The modules whose public classes may be used in descriptions.
_PUBLIC = (
    *("layers", "initializers", "regularizers", "constraints", "models"),
    *("dtype_policies", "mixed_precision", "quantizers"),
)
# The class names of models that consist of layers and calls.
_FUNCTIONAL = "Functional"
# Public, but they contain Python code, or name a file that may contain it.
_CODE = ("Lambda", "__lambda__", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer")
# The names with which Keras serializes values of Python, NumPy and TensorFlow.
_VALUES = (
    *("__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"),
    *("__tuple__", "TensorShape", "TypeSpec", "CompositeTensor"),
)
_FUNCTION = "function"
# The members of a `.keras` archive.
_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_ASSETS = "assets/"
# What may be larger than what is stored of it, and how many times. Weights of zeros can be.
_MOST_UNPACKED_BYTES = 2**28
_MOST_COMPRESSION = 20
# The modules in which Keras 3 has the classes for calls of its functions.
_OPERATIONS = "keras.src.ops."
# The layers that Keras 2 creates for calls of TensorFlow, whose functions can also read and delete
# files.
_CALLS = ("TFOpLambda", "SlicingOpLambda")
_CALLED_MODULES = ("__operators__", "math", "nn", "linalg", "image", "signal", "strings")
_CALLED = (
    *("abs", "add", "subtract", "multiply", "matmul", "maximum", "minimum", "clip_by_value"),
    *("cast", "identity", "one_hot", "ones_like", "zeros_like", "where"),
    *("concat", "expand_dims", "pad", "reshape", "reverse", "shape", "split", "squeeze", "stack"),
    *("gather", "slice", "strided_slice", "tile", "transpose", "unstack"),
)


def check_description(description: Any, keras: Any, path: pathlib.Path) -> None:
    """Refuses a description that contains code, or names anything that might do more than compute.

    Args:
        description: The description of a model, as JSON.
        keras: The module that will read it, Keras 3 or tf_keras.
        path: The file, for the message.

    Raises:
        SourceModelError: The description is refused; the message says why.
    """
    if isinstance(description, dict):
        # not read, because the model is not trained here
        description = {k: value for k, value in description.items() if k != "compile_config"}
    for entry in _objects(description):
        _check_vocabulary(entry, path)
        if "class_name" not in entry:
            continue
        if entry["class_name"] in _CODE:
            raise SourceModelError(
                f"{path} holds Python code, in {_described(entry)}, which is not run. Build the "
                f"model in Python and pass it to rewrite_keras_model, or {EXPORT}."
            )
        if entry["class_name"] in _CALLS:
            _check_call(entry, path)
        if not _is_known(entry, keras):
            raise SourceModelError(
                f"{path} holds {_named(entry)!r} of the module {entry.get('module')!r}, which is "
                "neither public in Keras nor registered, and not imported for a file. "
                f"{remedy_for_own_classes(keras)}"
            )


def check_members(members: Sequence[zipfile.ZipInfo], path: pathlib.Path) -> None:
    """Refuses an archive that contains anything except the members that Keras writes by default.

    Keras 2 also reads weights from `model.weights.npz`, which may contain pickled Python objects:
    reading these can run any code.

    Args:
        members: The members of the archive.
        path: The archive, for the message.

    Raises:
        SourceModelError: There is another member, a duplicate, or one that is much larger unpacked
            than in the archive.
    """
    names = [member.filename for member in members]
    others = [name for name in names if not (name in _MEMBERS or name.startswith(_ASSETS))]
    others += [name for name in _MEMBERS if names.count(name) > 1]
    if others:
        raise SourceModelError(
            f"{path} holds {listed(others)}; expected each of {listed(_MEMBERS)} once, and files "
            f"in {_ASSETS!r}. No other file is read, because some formats of weights can run code. "
            f"Save the model again with `model.save`, or {EXPORT}."
        )
    for member in members:
        _check_size(member.filename, member.file_size, member.compress_size, path)


def _check_size(name: str, size: int, stored: int, path: pathlib.Path) -> None:
    """Refuses small files that unpack into huge data; real weights hardly compress."""
    if size > _MOST_UNPACKED_BYTES and size > _MOST_COMPRESSION * stored:
        raise SourceModelError(
            f"{path} holds {name!r}, of {size} bytes in {stored}; expected at most "
            f"{_MOST_COMPRESSION} times what is stored. Do not use it unless you trust its author; "
            f"if you do, {EXPORT}."
        )


def check_weights(weights: h5py.Group, path: pathlib.Path) -> None:
    """Refuses weights in other files, which HDF5 would read from any path.

    It also refuses weights that are much larger in memory than in the file.

    Args:
        weights: The content of a file, or a part of it.
        path: The file, for the message.

    Raises:
        SourceModelError: There are such weights.
    """
    for name in weights:
        is_here = isinstance(weights.get(name, getlink=True), h5py.HardLink)
        found = weights[name] if is_here else None
        if isinstance(found, h5py.Dataset):
            is_here = not (found.external or found.is_virtual)
        if not is_here:
            raise SourceModelError(
                f"{path} has {name!r} of {weights.name!r} in another place, which is not read; "
                f"expected all weights in the file itself. Instead, {EXPORT}."
            )
        if isinstance(found, h5py.Dataset):
            _check_size(f"{found.name}", found.nbytes, found.id.get_storage_size(), path)
        if isinstance(found, h5py.Group):
            check_weights(found, path)


def remedy_for_own_classes(keras: Any) -> str:
    """The remedy for a model with its own classes, as text."""
    return (
        "Register classes of your own in Python with "
        f"@{keras.__name__}.saving.register_keras_serializable, load the model there and pass it "
        f"to rewrite_keras_model, or {EXPORT}."
    )


def _objects(description: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a description."""
    left = [description]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left += value.values()
        elif isinstance(value, list):
            left += value


def _check_vocabulary(entry: Mapping[str, Any], path: pathlib.Path) -> None:
    if isinstance(entry.get("vocabulary"), str):
        raise SourceModelError(
            f"{path} reads its vocabulary from a file of this machine, {entry['vocabulary']!r}; "
            f"expected the words themselves. Instead, {EXPORT}."
        )


def _check_call(entry: Mapping[str, Any], path: pathlib.Path) -> None:
    """Refuses a call of TensorFlow that might do more than compute."""
    config = entry.get("config")
    function = str(config.get("function") if isinstance(config, dict) else None)
    module, _, name = function.rpartition(".")
    if not (module in _CALLED_MODULES or (not module and name in _CALLED)):
        raise SourceModelError(
            f"{path} calls TensorFlow's function {function!r}, in {_described(entry)}, which "
            f"might do more than compute. Instead, {EXPORT}."
        )


def _is_known(entry: Mapping[str, Any], keras: Any) -> bool:
    """Whether Keras can resolve an entry only to public or registered objects.

    Keras looks up a function by its own name and a class by `registered_name`, or by `class_name`
    in files of the older format. Only objects that it does not find this way are imported from
    `module`.
    """
    name, module = _named(entry), entry.get("module")
    if entry["class_name"] == _FUNCTION:
        if keras.saving.get_registered_object(name) is not None:
            return True
        # how Keras serializes its own functions
        return module == "builtins" and inspect.isfunction(vars(keras.activations).get(name))
    registered_name = entry.get("registered_name") or name
    registered = keras.saving.get_registered_object(str(registered_name))
    if registered is not None:
        return name in (registered_name, getattr(registered, "__name__", None))
    is_of_keras = module is None or str(module).partition(".")[0] in _KERAS
    return is_of_keras and registered_name == name and _is_of_keras(name, str(module), keras)


def _is_of_keras(name: str, module: str, keras: Any) -> bool:
    """Whether Keras itself has a class of this name that may be used in descriptions."""
    if name in (_FUNCTIONAL, *_CALLS, *_VALUES):
        return True
    return _is_operation(name, module, keras) or _is_public(name, keras)


def _named(entry: Mapping[str, Any]) -> str:
    """The name of the class or function that creates an object of a description."""
    return str(entry.get("config") if entry["class_name"] == _FUNCTION else entry["class_name"])


def _is_public(name: str, keras: Any) -> bool:
    modules = [getattr(keras, module) for module in _PUBLIC if hasattr(keras, module)]
    return any(inspect.isclass(vars(module).get(name)) for module in modules)


def _is_operation(name: str, module: str, keras: Any) -> bool:
    if not module.startswith(_OPERATIONS) or module not in sys.modules:
        return False
    found = vars(sys.modules[module]).get(name)
    return inspect.isclass(found) and issubclass(found, getattr(keras, "Operation", ()))


def _described(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    layer = config.get("name") if isinstance(config, dict) else None
    return f"the {entry['class_name']} layer {layer!r}" if layer else "a lambda function"
