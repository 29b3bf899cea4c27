"""Scores serialized examples with a published TFLite model and its head."""

import math
import os
import pathlib
import threading
from collections.abc import Sequence

import numpy as np

from tfx_tflite_component.artifact_layout import HEAD_DIR, SIGNATURE_KEY, head_beside
from tfx_tflite_component.errors import (
    ExamplesError,
    ModelFileError,
    SourceModelError,
    WorkerError,
    listed,
)
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.samples.feed import call
from tfx_tflite_component.storage.publish import local_copy
from tfx_tflite_component.storage.published_files import model_file
from tfx_tflite_component.tflite.inspection import find_signature, inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel, check_runnable, model_errors
from tfx_tflite_component.worker.process import Worker
from tfx_tflite_component.worker.protocol import TRY_MODEL, TryModelRequest

# A call of the head costs about as much as parsing 100 examples, so each call gets many.
_HEAD_BATCH_SIZE = 1024
_TRY_SECONDS = 600
# Limits the memory for activations.
_MAX_BATCH_SIZE = 128


class Scorer:
    """A TFLite model and its head, to be shared between threads: each has its own interpreter."""

    def __init__(self, model_dir: str, signature_key: str = SIGNATURE_KEY) -> None:
        """Loads head and model.

        Args:
            model_dir: The folder of the model, on any file system: `Format-Serving` of a Model
                artifact, or what `rewrite_saved_model` wrote to. The head is looked for in this
                folder, and then beside it. Also a local file `name.tflite`, whose head is in
                `name.head`.
            signature_key: The signature to score with, if the model has several.

        Raises:
            SourceModelError: There is no TFLite model, or no head.
            ModelFileError: The model has several signatures, and none with this key.
            UnsupportedOpsError: Python's interpreter cannot run the model's ops.
        """
        with local_copy(model_dir) as folder:
            path = model_file(folder, model_dir)
            found = inspect(path)
            check_runnable(path, found, model_dir)
            key = find_signature(path, signature_key, model_dir)
            self._head = _load_head(path, model_dir, key)
            self._model = TFLiteModel(
                path, needs_select_tf_ops=found.needs_select_tf_ops, signature_key=key
            )
            _check_together(self._head, self._model, model_dir)
            self._has_state = found.has_state
        self._model_dir = model_dir
        self._of_thread = threading.local()

    def score(self, examples: Sequence[bytes]) -> dict[str, np.ndarray]:
        """Scores examples.

        A model with a state scores each example separately, from the state that it was published
        with, because examples have no order in Beam.

        Args:
            examples: Serialized `tf.Example`s.

        Returns:
            An array [examples, ...] for each output by the signature's name.

        Raises:
            ExamplesError: The head refuses the examples, or there are no examples.
            ModelFileError: The interpreter cannot run the model on them.
        """
        if not examples:
            raise ExamplesError("There is no example to score. Pass one or more.")
        return _joined(
            [
                self._score_batch(list(examples[first : first + _HEAD_BATCH_SIZE]))
                for first in range(0, len(examples), _HEAD_BATCH_SIZE)
            ]
        )

    def _score_batch(self, examples: list[bytes]) -> dict[str, np.ndarray]:
        model = self._model_of_thread()
        batched = _batched(self._head)
        size = model.batch_size_of(batched) or (1 if self._has_state else _even_size(len(examples)))
        # padding the last batch costs less than another size, which would resize the model
        padding = [examples[-1]] * (-len(examples) % size)
        inputs = call(self._head, {"examples": np.array(examples + padding, object)}, "the head")
        with model_errors(self._model_dir):
            outputs = _joined(
                [
                    self._started(model)(
                        {
                            name: array[first : first + size] if name in batched else array
                            for name, array in inputs.items()
                        }
                    )
                    for first in range(0, len(examples), size)
                ]
            )
        return {name: array[: len(examples)] for name, array in outputs.items()}

    def _started(self, model: TFLiteModel) -> TFLiteModel:
        """A model in the initial state of its file."""
        return model.copy() if self._has_state else model

    def _model_of_thread(self) -> TFLiteModel:
        if not hasattr(self._of_thread, "model"):
            self._of_thread.model = self._model.copy()
        return self._of_thread.model


def check_model(model_dir: str, signature_key: str = SIGNATURE_KEY) -> None:
    """Refuses a model that a `Scorer` would refuse, or that would crash its process.

    The model is tried in a separate process, because the interpreter crashes on some damaged
    models.

    Args:
        model_dir: As for `Scorer`.
        signature_key: As for `Scorer`.

    Raises:
        SourceModelError: There is no TFLite model.
        UnsupportedOpsError: The model needs ops that cannot be run here.
        ModelFileError: It is damaged, is not a TFLite model, lacks the signature, or crashes the
            interpreter.
        WorkerError: The process ended for another reason, such as a lack of memory.
    """
    with local_copy(model_dir) as folder:
        path = model_file(folder, model_dir)
        request = TryModelRequest(str(path.absolute()), model_dir, signature_key)
        try:
            with Worker() as worker:
                worker.ask(TRY_MODEL, request, _TRY_SECONDS)
        except WorkerError as e:
            if not e.crashed:
                raise
            raise ModelFileError(
                f"The TFLite interpreter crashes on the model in {model_dir}: its process {e.how}. "
                "Most likely the file is damaged: convert the model again."
            ) from e


def _load_head(model: pathlib.Path, model_dir: str, key: str) -> ConcreteFunction:
    if head_beside(model).is_dir():
        return load_signature(head_beside(model), key)
    beside = os.path.join(os.path.dirname(model_dir.rstrip("/")), HEAD_DIR)
    with local_copy(beside) as path:
        if not path.is_dir():
            raise SourceModelError(
                f"There is no head in {model_dir} or at {beside} to compute the model's inputs "
                "from tf.Examples. Connect the `model` output of a TFLiteRewriter, not only a copy "
                "of its Format-Serving. There is no head if a tf.Example cannot hold the inputs of "
                "the signature."
            )
        return load_signature(path, key)


def _check_together(head: ConcreteFunction, model: TFLiteModel, model_dir: str) -> None:
    made, taken = sorted(head.structured_outputs), sorted(model.inputs)
    if made != taken:
        raise SourceModelError(
            f"The head of the TFLite model in {model_dir} makes {listed(made)}, and the model "
            f"takes {listed(taken)}: the head belongs to another model. Copy the whole artifact."
        )


def _batched(head: ConcreteFunction) -> list[str]:
    """The inputs of the model whose first dimension is the batch."""
    specs = head.structured_outputs
    opened = [name for name, s in specs.items() if s.shape.rank and s.shape[0] is None]
    return opened or [name for name, spec in specs.items() if spec.shape.rank]


def _even_size(count: int) -> int:
    """The batch size that makes the batches most equal in size."""
    return math.ceil(count / math.ceil(count / _MAX_BATCH_SIZE))


def _joined(batches: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
