"""Tasks for a worker that needs no TensorFlow."""

import dataclasses
import logging

from tfx_tflite_component.errors import SourceModelError, UnsupportedOpsError
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.worker.protocol import Task


@dataclasses.dataclass(frozen=True)
class Word:
    """A word to say or to repeat."""

    word: str


ECHO = Task("echo", Word, Word)
REFUSE = Task("refuse", Word, type(None))
LACK_OPS = Task("lack_ops", Word, type(None))
BREAK = Task("break", Word, type(None))


def _echo(request: Word) -> Word:
    begin(Phase.CONVERTING, "RAW_FEATURES")
    logging.getLogger("tfx_tflite_component.fake").warning("about %s", request.word)
    return request


def _refuse(request: Word) -> None:
    raise SourceModelError(f"There is no {request.word}.")


def _lack_ops(request: Word) -> None:
    raise UnsupportedOpsError("An op is not allowed.", [request.word])


def _break(request: Word) -> None:
    raise KeyError(request.word)


TASKS = {ECHO: _echo, REFUSE: _refuse, LACK_OPS: _lack_ops, BREAK: _break}
