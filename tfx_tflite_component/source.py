"""Loads the signature to convert out of a SavedModel."""

import pathlib

import tensorflow as tf

from tfx_tflite_component.errors import SourceModelError, SplitError, listed
from tfx_tflite_component.split.graph import ConcreteFunction

_SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
_TRANSFORM_DIR = "transform_fn"
_INIT_OP = "__saved_model_init_op"


def load_signature(path: pathlib.Path, key: str) -> ConcreteFunction:
    """Loads a signature, with the variables and tables that it needs.

    It goes through `tf.saved_model.load`, never straight to the converter: Keras 3 saves variables
    twice, and the converter then reads those that are never filled.

    Args:
        path: The folder of the SavedModel.
        key: The key of the signature.

    Raises:
        SourceModelError: There is no SavedModel, it cannot be read, or it lacks the signature.
        SplitError: The signature has no inputs.
    """
    if not any((path / name).exists() for name in _SAVED_MODEL_FILES):
        found = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
        raise SourceModelError(
            f"There is no SavedModel in {path}: expected {_SAVED_MODEL_FILES[0]}, found "
            f"{listed(found) or 'nothing'}. Connect the `model` output of a Trainer."
        )
    try:
        loaded = tf.saved_model.load(str(path), tags=[tf.saved_model.SERVING])
    except Exception as e:  # TensorFlow raises nearly anything for a damaged file
        raise SourceModelError(
            f"The SavedModel in {path} cannot be read: {e}. Check that it loads with "
            "tf.saved_model.load, and that every file of it was copied."
        ) from e
    return _checked(_signature(loaded, key, path), key)


def load_transform(path: pathlib.Path) -> ConcreteFunction:
    """Loads the function of a transform graph: raw features into transformed ones, by name.

    Args:
        path: The folder that TFX's Transform writes its graph to, laid out as
            `tft.TFTransformOutput` reads it.

    Raises:
        SourceModelError: There is no such graph, or it was made for TF1.
    """
    folder = path / _TRANSFORM_DIR
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as e:  # TensorFlow raises nearly anything for a damaged file
        raise SourceModelError(
            f"The transform graph in {folder} cannot be read: {e}. Connect "
            "transform_graph=transform.outputs['transform_graph']."
        ) from e
    if not hasattr(loaded, "transform_fn"):
        raise SourceModelError(
            f"The transform graph in {folder} was made for TF1, as Transform does with "
            "force_tf_compat_v1=True. Leave transform_graph out, or make it without."
        )
    function = loaded.transform_fn
    # the function does not keep alive what it was loaded with
    function.loaded = loaded
    return function


def _signature(loaded: tf.Module, key: str, path: pathlib.Path) -> ConcreteFunction:
    available = sorted(name for name in loaded.signatures if name != _INIT_OP)
    if key not in available:
        raise SourceModelError(
            f"The SavedModel in {path} has no signature {key!r}; it has "
            f"{listed(available) or 'none at all'}. Set signature_key to one of these, or export "
            "the model with that signature."
        )
    signature = loaded.signatures[key]
    # a signature does not keep alive what it was loaded with
    signature.loaded = loaded
    return signature


def _checked(signature: ConcreteFunction, key: str) -> ConcreteFunction:
    if not signature.structured_input_signature[1]:
        raise SplitError(
            f"Signature {key!r} takes no inputs, so that there is nothing to infer from. Set "
            "signature_key to one that does."
        )
    return signature
