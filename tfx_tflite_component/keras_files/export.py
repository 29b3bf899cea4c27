"""Exports Keras models as SavedModels."""

import contextlib
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.progress import Phase, begin

_KERAS = ("keras", "tf_keras")


def export_keras_model(model: Any, folder: pathlib.Path) -> None:
    """Exports a Keras model, of Keras 3 or of tf_keras, as a SavedModel.

    Args:
        model: The model, built or called before.
        folder: Where the SavedModel is written.

    Raises:
        SourceModelError: Keras cannot export the model.
    """
    begin(Phase.EXPORTING_KERAS)
    try:
        with _silent_keras():
            model.export(str(folder))
    except Exception as e:  # Keras raises nearly anything
        raise SourceModelError(
            f"Keras cannot export the {type(model).__name__}: {e}. Pass a Keras model that is "
            "built: call it on data once, or give it an Input."
        ) from e


@contextlib.contextmanager
def _silent_keras() -> Iterator[None]:
    """Stops Keras 2 and Keras 3 from printing what this thread does."""
    with contextlib.ExitStack() as stack:
        for utils in (sys.modules[name].utils for name in _KERAS if name in sys.modules):
            if utils.is_interactive_logging_enabled():
                utils.disable_interactive_logging()
                stack.callback(utils.enable_interactive_logging)
        yield
