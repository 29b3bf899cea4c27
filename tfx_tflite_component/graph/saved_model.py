"""Loads the signature to convert from a SavedModel."""

import os
import pathlib
import re
from collections.abc import Collection, Iterable

import tensorflow as tf

from tfx_tflite_component.errors import SourceModelError, SplitError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model_files import SAVED_MODEL_FILES, check_is_saved_model
from tfx_tflite_component.graph.unsafe_ops import check_assets, check_ops
from tfx_tflite_component.tensorflow_errors import reason
from tfx_tflite_component.tensorflow_internals import parse_saved_model

# What TensorFlow reads besides assets.
_FILES = (*SAVED_MODEL_FILES, "saved_model.cpb", "fingerprint.pb", "keras_metadata.pb")
_VARIABLES_DIR = "variables"
_SELF = "self"
_UNKNOWN_OP = re.compile(r"Op type not registered '(?P<op>[^']+)'")
_TRANSFORM_DIR = "transform_fn"
_INIT_OP = "__saved_model_init_op"


def load_signature(
    path: pathlib.Path, key: str, trusted_ops: Collection[str] = ()
) -> ConcreteFunction:
    """Loads a signature, as `load_signatures` does.

    Args:
        path: The folder of the SavedModel.
        key: The key of the signature.
        trusted_ops: Ops with side effects that it may hold.
    """
    return load_signatures(path, [key], trusted_ops)[key]


def load_signatures(
    path: pathlib.Path, keys: Iterable[str], trusted_ops: Collection[str] = ()
) -> dict[str, ConcreteFunction]:
    """Loads signatures, with the variables and tables that they need.

    It uses `tf.saved_model.load`, never the converter's own loader: Keras 3 saves variables twice,
    and the converter would read the copies that are never filled.

    Args:
        path: The folder of the SavedModel.
        keys: The keys of the signatures.
        trusted_ops: Ops with side effects that it may hold.

    Raises:
        SourceModelError: There is no SavedModel, it cannot be read, it lacks a signature, or it
            holds ops with side effects.
        SplitError: A signature has no inputs or no outputs, or an input that cannot be fed.
    """
    check_is_saved_model(path)
    try:
        _check_content(path, trusted_ops)
        loaded = tf.saved_model.load(str(path), tags=[tf.saved_model.SERVING])
    except SourceModelError:
        raise
    except Exception as e:  # TensorFlow raises nearly anything for a damaged file
        if unknown := _UNKNOWN_OP.search(str(e)):
            raise SourceModelError(
                f"The SavedModel in {path} holds the op {unknown['op']!r}, which is not "
                "registered: its library has to be imported first. Name the library's module in "
                "import_modules, such as 'tensorflow_text'; outside of a rewriting, import it in "
                "the process that loads the model."
            ) from e
        raise SourceModelError(
            f"The SavedModel in {path} cannot be read: {reason(e)}. Check that it loads with "
            "tf.saved_model.load, and that every file of it was copied."
        ) from e
    return {key: _checked(_signature(loaded, key, path), key) for key in keys}


def load_transform(path: pathlib.Path, trusted_ops: Collection[str] = ()) -> ConcreteFunction:
    """Loads the function of a transform graph: raw features into transformed ones, by name.

    Args:
        path: The folder that TFX's Transform writes its graph to, laid out as
            `tft.TFTransformOutput` reads it.
        trusted_ops: Ops with side effects that it may hold.

    Raises:
        SourceModelError: There is no such graph, it was made for TF1, or it holds ops with side
            effects.
    """
    folder = path / _TRANSFORM_DIR
    try:
        _check_content(folder, trusted_ops)
        loaded = tf.saved_model.load(str(folder))
    except SourceModelError:
        raise
    except Exception as e:  # TensorFlow raises nearly anything for a damaged file
        raise SourceModelError(
            f"The transform graph in {folder} cannot be read: {reason(e)}. Connect "
            "transform_graph=transform.outputs['transform_graph']."
        ) from e
    if not hasattr(loaded, "transform_fn"):
        raise SourceModelError(
            f"The transform graph in {folder} was made for TF1, as Transform does with "
            "force_tf_compat_v1=True. Leave transform_graph out, or set that to False."
        )
    function = loaded.transform_fn
    # the function does not keep the rest of its SavedModel alive
    function.loaded = loaded
    return function


def _check_content(path: pathlib.Path, trusted_ops: Collection[str]) -> None:
    """Refuses files and ops that could do harm, before TensorFlow loads them."""
    for entry in (*map(path.joinpath, _FILES), *(path / _VARIABLES_DIR).glob("*")):
        _check_file(entry, path)
    saved_model = parse_saved_model(path)
    check_assets(saved_model, path)
    check_ops(saved_model, path, trusted_ops)


def _check_file(entry: pathlib.Path, path: pathlib.Path) -> None:
    """Refuses a pipe, which would be read forever, and a link to a file of this machine."""
    if not os.path.lexists(entry):
        return
    if not os.path.realpath(entry).startswith(os.path.realpath(path) + os.sep):
        raise SourceModelError(
            f"{entry} is a link to {os.readlink(entry)!r}, out of the SavedModel, which is not "
            "followed. Copy the model with `cp -rL`, or export it again."
        )
    if entry.exists() and not (entry.is_file() or entry.is_dir()):
        raise SourceModelError(
            f"{entry} is a special file; expected a file of the SavedModel. Delete it, or export "
            "the model again."
        )


def _signature(loaded: tf.Module, key: str, path: pathlib.Path) -> ConcreteFunction:
    available = sorted(name for name in loaded.signatures if name != _INIT_OP)
    if key not in available:
        raise SourceModelError(
            f"The SavedModel in {path} has no signature {key!r}; it has "
            f"{listed(available) or 'none at all'}. Name one of these instead, or export the "
            "model with that signature."
        )
    signature = loaded.signatures[key]
    # a signature does not keep the rest of its SavedModel alive
    signature.loaded = loaded
    return signature


def _checked(signature: ConcreteFunction, key: str) -> ConcreteFunction:
    inputs = signature.structured_input_signature[1]
    if not inputs:
        raise SplitError(
            f"Signature {key!r} takes no inputs, so it cannot be converted. Set "
            "signature_key to one that does."
        )
    if not signature.structured_outputs:
        raise SplitError(
            f"Signature {key!r} returns no outputs, so it cannot be converted. Set "
            "signature_key to one that does."
        )
    if _SELF in inputs:
        raise SplitError(
            f"Signature {key!r} has an input named {_SELF!r}, and Python cannot pass an argument "
            "of that name to TensorFlow. Export a signature that gives it another name."
        )
    return signature


def check_published_files(path: pathlib.Path, names: Iterable[str]) -> None:
    """Refuses files that cannot be copied, or that are not the SavedModel's own.

    An untrusted model may contain links to any file on this machine, and the copied files are
    published.

    Args:
        path: The folder of the SavedModel.
        names: The files and folders in it to copy.

    Raises:
        SourceModelError: There is an entry that is neither a file nor a folder, or a link that
            points outside the SavedModel, to a folder or nowhere.
    """
    folder = os.path.realpath(path)
    for entry in (entry for name in names for entry in [path / name, *(path / name).rglob("*")]):
        if not os.path.lexists(entry):
            continue
        is_outside = os.path.commonpath([folder, os.path.realpath(entry)]) != folder
        is_folder = entry.is_dir() and not entry.is_symlink()
        if is_outside or not (is_folder or entry.is_file()):
            raise SourceModelError(
                f"{entry} cannot be published with the model: expected a file or a folder of the "
                f"SavedModel, found {_kind(entry)}. Delete it, or replace it with a copy."
            )
        if not os.access(entry, os.R_OK):
            raise SourceModelError(
                f"{entry} cannot be published with the model: this process may not read it. Give "
                "it read permission, or delete the file."
            )


def _kind(entry: pathlib.Path) -> str:
    return f"a link to {os.readlink(entry)!r}" if entry.is_symlink() else "a special file"
