"""Models of any bytes are read, or refused as they should be: SavedModels, Keras files, TFLite."""

import faulthandler
import os
import pathlib
import random
import shutil
import signal
import traceback
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from bad_input import check_converted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_file import members
from small_model import save_small_model, small_examples
from versions import OF_NO_VERSION

from tfx_tflite_component import scoring
from tfx_tflite_component.errors import ModelFileError, RewriterError, SourceModelError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.keras_files.checks import check_description
from tfx_tflite_component.keras_files.load import _stored
from tfx_tflite_component.worker.protocol import TRY_MODEL, TryModelRequest
from tfx_tflite_component.worker.tasks import TASKS

pytestmark = [OF_NO_VERSION, pytest.mark.slow]

_MUTATIONS = 150
_SECONDS_FOR_ONE = 60
_FINE, _REFUSED, _UNDOCUMENTED = 0, 3, 4

_bounded = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
_CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
)


def _changed(content: bytes, changes: list[tuple[float, int]]) -> bytes:
    changed = bytearray(content)
    for place, byte in changes:
        changed[int(place * len(content))] = byte
    return bytes(changed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def saved_model(folder: pathlib.Path) -> pathlib.Path:
    save_small_model(folder / "model")
    return folder / "model"


# --- SavedModels, as far as they are looked at before TensorFlow loads them


class _Accepted(Exception):
    pass


@_bounded
@given(_CHANGES)
def test_saved_model_with_other_bytes_is_looked_at_or_refused(
    saved_model: pathlib.Path, changes: list[tuple[float, int]]
) -> None:
    def load(*_: object, **__: object) -> None:
        raise _Accepted

    content = (saved_model / "saved_model.pb").read_bytes()
    copy = shutil.copytree(saved_model, saved_model.parent / "changed", dirs_exist_ok=True)
    (copy / "saved_model.pb").write_bytes(_changed(content, changes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.saved_model, "load", load)
        with pytest.raises(SourceModelError):
            load_signature(copy, "serving_default")


# --- Keras files, as far as they are looked at before Keras loads them


@pytest.fixture(scope="module")
def keras_file(folder: pathlib.Path) -> bytes:
    path = folder / "whole.keras"
    dense = tf_keras.layers.Dense(2, activation="relu")
    tf_keras.Sequential([tf_keras.Input([4], name="x"), dense]).save(str(path))
    with members(path):  # stored as it is, so that changes reach the content
        pass
    return path.read_bytes()


@_bounded
@given(_CHANGES)
def test_keras_file_with_other_bytes_is_looked_at_or_refused(
    keras_file: bytes, folder: pathlib.Path, changes: list[tuple[float, int]]
) -> None:
    path = folder / "changed.keras"
    path.write_bytes(_changed(keras_file, changes))
    try:
        _, description = _stored(path)
        check_description(description, tf_keras, path)
    except SourceModelError as e:
        assert str(path) in str(e)


# --- TFLite models, tried and then scored


@pytest.fixture(scope="module")
def published(saved_model: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    return check_converted(saved_model, folder)


def _outcome_in_a_fork(function: Callable[[], object]) -> int:
    """How a function ends in a fork of this process: TensorFlow itself must not run in one."""
    child = os.fork()
    if not child:
        code = _UNDOCUMENTED
        faulthandler.disable()  # a crash is one of the outcomes
        try:
            signal.alarm(_SECONDS_FOR_ONE)
            function()
            code = _FINE
        except RewriterError:
            code = _REFUSED
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _mutated(content: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    return _changed(content, [(chance.random(), chance.randrange(256)) for _ in range(4)])


def test_mutated_models_are_refused_by_the_trial_or_scored_without_a_raw_error(
    published: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = small_examples()
    scorer = scoring.Scorer(str(published))
    made = scoring.call(scorer._head, {"examples": np.array(examples, object)}, "the head")
    monkeypatch.setattr(scoring, "call", lambda *_: made)
    path = published / "tflite"
    content = path.read_bytes()
    outcomes = []
    for seed in range(_MUTATIONS):
        path.write_bytes(_mutated(content, seed))

        def try_model() -> None:
            TASKS[TRY_MODEL](TryModelRequest(str(path), str(published)))

        def score() -> None:
            scorer._model = scoring.TFLiteModel(path)
            scorer.score(examples)

        trial = _outcome_in_a_fork(try_model)
        outcomes.append((trial, _outcome_in_a_fork(score) if trial == _FINE else _REFUSED))
    path.write_bytes(content)
    trials, scores = zip(*outcomes, strict=True)
    assert _UNDOCUMENTED not in {*trials, *scores}
    # none that the trial lets pass kills the process that scores
    assert {*scores} <= {_FINE, _REFUSED}
    assert trials.count(_FINE) > _MUTATIONS / 10
    assert trials.count(_REFUSED) > _MUTATIONS / 10


def test_error_of_the_interpreter_while_it_scores_is_one_of_the_model_file(
    published: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("tensors differ in their sizes")

    scorer = scoring.Scorer(str(published))
    monkeypatch.setattr(scoring.TFLiteModel, "__call__", fail)
    with pytest.raises(ModelFileError, match="sizes"):
        scorer.score(small_examples())
