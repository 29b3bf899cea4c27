"""Scores serialized examples with a published TFLite model, through its head."""

import contextlib
import os
import threading
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.calling import call
from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.inspection import SELECT_TF, inspect
from tfx_tflite_component.layout import HEAD_DIR, MODEL_FILENAME
from tfx_tflite_component.runtime import TFLiteModel
from tfx_tflite_component.source import load_signature
from tfx_tflite_component.staging import local_copy

_BATCH_SIZE = 64


class Scorer:
    """A TFLite model and its head, to be shared between threads: each has its own interpreter."""

    def __init__(self, model_dir: str) -> None:
        """Loads head and model.

        Args:
            model_dir: The folder `Format-Serving` of a Model artifact of `TFLiteRewriter`, on any
                file system; the head is looked for beside it.

        Raises:
            SourceModelError: There is no TFLite model, or no head beside it.
        """
        head_dir = os.path.join(os.path.dirname(model_dir.rstrip("/")), HEAD_DIR)
        # what was copied from a remote file system goes when this object does
        self._folders = contextlib.ExitStack()
        self._path = self._folders.enter_context(local_copy(model_dir)) / MODEL_FILENAME
        if not self._path.is_file():
            raise SourceModelError(
                f"There is no TFLite model in {model_dir}: expected a file {MODEL_FILENAME!r}. "
                "Connect the `model` output of a TFLiteRewriter."
            )
        with local_copy(head_dir) as path:
            self._head = load_signature(path, tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY)
        self._needs_select_tf_ops = inspect(self._path).op_set == SELECT_TF
        self._of_thread = threading.local()

    def score(self, examples: Sequence[bytes]) -> dict[str, np.ndarray]:
        """Scores examples.

        Args:
            examples: Serialized `tf.Example`s.

        Returns:
            An array [examples, ...] for each output by the signature's name.

        Raises:
            ExamplesError: The head refuses the examples.
        """
        model = self._model()
        size = model.batch_size or _BATCH_SIZE
        scores: dict[str, list[np.ndarray]] = {name: [] for name in model.outputs}
        for first in range(0, len(examples), size):
            batch = list(examples[first : first + size])
            padding = [batch[-1]] * (size - len(batch)) if model.batch_size else []
            inputs = call(self._head, {"examples": np.array(batch + padding, object)}, "the head")
            for name, array in model(inputs).items():
                scores[name].append(array[: len(batch)])
        return {name: np.concatenate(arrays) for name, arrays in scores.items()}

    def _model(self) -> TFLiteModel:
        if not hasattr(self._of_thread, "model"):
            self._of_thread.model = TFLiteModel(
                self._path, needs_select_tf_ops=self._needs_select_tf_ops
            )
        return self._of_thread.model
