"""Files that are no TFLite model, or a damaged one, wherever one is named."""

import pathlib
import random
import shutil
import struct
from collections.abc import Callable

import pytest
import tensorflow as tf
from bad_input import Refusal, check_refused, run, write_records
from models import example, save
from small_model import save_small_model, small_examples
from tensorflow.lite.python import schema_py_generated as schema
from versions import IS_OLDEST, OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component import scoring
from tfx_tflite_component.errors import (
    ExamplesError,
    ModelFileError,
    RewriterError,
    SourceModelError,
    VerificationError,
    WorkerError,
)
from tfx_tflite_component.inference import TFLiteModelHandler
from tfx_tflite_component.progress import Phase
from tfx_tflite_component.scoring import Scorer, check_model
from tfx_tflite_component.standalone.compare import compare_models
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model
from tfx_tflite_component.tflite.inspection import inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.worker.process import Worker

pytestmark = OF_NO_VERSION

Damage = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """SavedModels, examples, and what the command line made of them."""
    folder = tmp_path_factory.mktemp("models")
    save_small_model(folder / "small")
    save(folder / "other", lambda x: {"y": x * 2.0}, tf.TensorSpec([None, 3], tf.float32, "x"))
    write_records(folder / "examples", small_examples())
    for name in ("small", "other"):
        assert run("convert", folder / name, folder / f"{name}-out") == 0
        artifact = folder / f"{name}-artifact"
        (artifact / "Format-Serving").mkdir(parents=True)
        shutil.copy(folder / f"{name}-out" / "tflite", artifact / "Format-Serving")
        shutil.copytree(folder / f"{name}-out" / "head", artifact / "head")
    return folder


@pytest.fixture(scope="module")
def content(folder: pathlib.Path) -> bytes:
    return (folder / "small-out" / "tflite").read_bytes()


_DAMAGED = ("is damaged", "copied whole")
_OTHER = ("is not a TFLite model", "expected the identifier b'TFL3'")
_DAMAGES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "empty": (lambda _: b"", (*_OTHER, "found b''")),
    "half": (lambda content: content[: len(content) // 2], _DAMAGED),
    "identifier and no more": (lambda content: content[:8], _DAMAGED),
    "without its end": (lambda content: content[:-100], _DAMAGED),
    "noise": (lambda _: random.Random(1).randbytes(5000), _OTHER),
    "noise after the identifier": (
        lambda content: content[:8] + random.Random(1).randbytes(5000),
        _DAMAGED,
    ),
    "ones after the identifier": (lambda content: content[:8] + b"\xff" * 999, _DAMAGED),
    "zeros after the identifier": (
        lambda content: content[:8] + bytes(len(content)),
        (*_DAMAGED, "version 0, expected 3"),
    ),
    "zip file": (lambda _: b"PK\3\4" + bytes(500), _OTHER),
    "Keras's HDF5": (lambda _: b"\x89HDF\r\n\x1a\n" + bytes(500), _OTHER),
    "ONNX": (lambda _: b"\x08\x07\x12\x07pytorch" + bytes(500), _OTHER),
    "TFRecord": (lambda _: struct.pack("<Q", 9) + bytes(99), _OTHER),
    "text": (lambda _: b"model " * 99, _OTHER),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_file_other_than_a_model_is_refused_everywhere(
    name: str,
    folder: pathlib.Path,
    content: bytes,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    damage, words = _DAMAGES[name]
    artifact = shutil.copytree(folder / "small-artifact", tmp_path / "artifact")
    path = artifact / "Format-Serving" / "tflite"
    path.write_bytes(damage(content))
    refusal = Refusal(ModelFileError, (str(path), *words))
    check_refused(refusal, "inspect", path)
    arguments = ("compare", folder / "small", path, "--examples", folder / "examples")
    check_refused(refusal, *arguments)
    monkeypatch.setattr(scoring, "Worker", WorkerInProcess)
    for refuses in (check_model, Scorer):
        with pytest.raises(ModelFileError, match="tflite"):
            refuses(str(path.parent))


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing", ("No such file",)), ("small", ("Is a directory",)), ("x" * 300, ("too long",))],
)
def test_name_of_no_file_is_refused(
    name: str, words: tuple[str, ...], folder: pathlib.Path
) -> None:
    check_refused(Refusal(ModelFileError, words), "inspect", folder / name)


@pytest.mark.parametrize(("source", "model"), [("small", "other"), ("other", "small")])
def test_model_of_another_saved_model_is_not_compared(
    source: str, model: str, folder: pathlib.Path
) -> None:
    arguments = (folder / source, folder / f"{model}-out" / "tflite")
    takes = {
        "small": "takes 'size' (float32), 'word' (string)",
        "other": "takes 'x' (float32)",
    }
    words = (f"The TFLite model {takes[model]}", takes[source], "Name the SavedModel")
    refusal = Refusal(VerificationError, words, exit_code=1)
    check_refused(refusal, "compare", *arguments, "--examples", folder / "examples")


@pytest.mark.parametrize("name", ["missing", "damaged", "of another model"])
def test_head_that_does_not_make_the_inputs_is_refused(
    name: str, folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    artifact = shutil.copytree(folder / "small-artifact", tmp_path / "artifact")
    shutil.rmtree(artifact / "head")
    if name == "damaged":
        (artifact / "head").mkdir()
        (artifact / "head" / "saved_model.pb").write_bytes(b"damaged")
    if name == "of another model":
        shutil.copytree(folder / "other-artifact" / "head", artifact / "head")
    words = {
        "missing": "There is no head",
        "damaged": "cannot be read",
        "of another model": "makes 'x', and the model takes 'size', 'word'",
    }
    with pytest.raises(SourceModelError, match=words[name]):
        Scorer(str(artifact / "Format-Serving"))


def test_model_that_refuses_random_inputs_is_evaluated(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "Worker", WorkerInProcess)
    monkeypatch.setattr(TFLiteModel, "__call__", _refuse)
    check_model(str(folder / "small-artifact" / "Format-Serving"))


def _refuse(*_: object) -> None:
    raise RuntimeError("index out of bounds")


def test_no_example_is_not_scored(folder: pathlib.Path) -> None:
    with pytest.raises(ExamplesError, match="no example to score"):
        Scorer(str(folder / "small-artifact" / "Format-Serving")).score([])


_METADATA_NAME_SLOT = 4


@pytest.fixture(scope="module")
def crashing(folder: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An artifact with a model that has a name of two gigabytes, by what it says of its length."""
    artifact = tmp_path_factory.mktemp("crashing") / "artifact"
    shutil.copytree(folder / "other-artifact", artifact)
    path = artifact / "Format-Serving" / "tflite"
    content = bytearray(path.read_bytes())
    metadata = schema.Model.GetRootAs(content, 0).Metadata(0)._tab
    length = metadata.Indirect(metadata.Pos + metadata.Offset(_METADATA_NAME_SLOT))
    content[length : length + 4] = (2**31 - 1).to_bytes(4, "little")
    path.write_bytes(content)
    assert [op.name for op in inspect(path).ops] == ["MUL"]
    return artifact


@pytest.mark.slow
def test_model_that_crashes_the_interpreter_does_not_crash_the_evaluator(
    crashing: pathlib.Path,
) -> None:
    serving_dir = crashing / "Format-Serving"
    with pytest.raises(ModelFileError) as raised:
        check_model(str(serving_dir))
    assert str(serving_dir) in str(raised.value)


@pytest.mark.process
def test_model_that_crashes_the_interpreter_is_refused_by_run_inference(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # that it does not crash here is shown above
    monkeypatch.setattr(scoring, "Worker", lambda: Worker("crashing_tasks"))
    with pytest.raises(ModelFileError):
        TFLiteModelHandler(str(folder / "small-artifact" / "Format-Serving")).load_model()


@pytest.mark.slow
def test_model_that_crashes_the_interpreter_is_not_compared(
    crashing: pathlib.Path, folder: pathlib.Path
) -> None:
    examples = write_records(crashing / "examples", [example(x=[1.0, 2.0, 3.0])])
    with pytest.raises((WorkerError, ModelFileError)) as raised:
        compare_models(folder / "other", crashing / "Format-Serving" / "tflite", examples)
    # an interpreter may also find it out itself
    if isinstance(raised.value, WorkerError):
        assert raised.value.crashed
        assert raised.value.phase == Phase.LOADING_MODEL


@pytest.mark.slow
def test_model_that_crashes_once_it_is_converted_is_refused(tmp_path: pathlib.Path) -> None:
    # what is calibrated with is finite, and what is computed of it is not
    model = save(
        tmp_path / "model",
        lambda x: {"y": tf.matmul(-1.0 / (x - x), tf.ones([2, 2]))},
        tf.TensorSpec([None, 2], tf.float32, "x"),
    )
    examples = write_records(tmp_path / "examples", [example(x=[0.1, 0.2])] * 2)
    config = {"quantization": {"mode": "FULL_INTEGER", "allow_float_fallback": True}}
    with pytest.raises(RewriterError) as raised:
        rewrite_saved_model(model, tmp_path / "output", config, examples)
    # newer interpreters may not crash on it
    if IS_OLDEST:
        assert isinstance(raised.value, WorkerError)
        assert raised.value.crashed
        assert "was killed by SIGABRT while it was verifying" in str(raised.value)
    assert not (tmp_path / "output").exists()
