"""The files of a published model."""

import pathlib

from tfx_tflite_component.artifact_layout import MODEL_FILENAME
from tfx_tflite_component.errors import SourceModelError


def model_file(folder: pathlib.Path, uri: str) -> pathlib.Path:
    """The TFLite model in a local copy of a folder.

    Args:
        folder: The local copy; or the model itself, a file.
        uri: The folder itself, for the message.

    Raises:
        SourceModelError: It has no model.
    """
    path = folder if folder.is_file() else folder / MODEL_FILENAME
    if not path.is_file():
        raise SourceModelError(
            f"There is no TFLite model in {uri}: expected a file {MODEL_FILENAME!r}. Connect the "
            "`model` output of a TFLiteRewriter."
        )
    return path
