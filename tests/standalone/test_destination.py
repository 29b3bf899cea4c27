"""A model file with a name of its own, and what is written beside it."""

import json
import pathlib

import pytest
import tensorflow as tf
from models import save
from small_model import save_small_model, small_examples
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component.errors import ConfigError, VerificationError
from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.cli import main
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model

pytestmark = OF_NO_VERSION

_RESULTS = [
    *("small.assets", "small.head", "small.report.html", "small.report.json", "small.tflite"),
]


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A model that parses `tf.Example`s and has a vocabulary."""
    folder = tmp_path_factory.mktemp("source") / "model"
    save_small_model(folder)
    return folder


@pytest.fixture(scope="module")
def written(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What a conversion to a file wrote."""
    folder = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        rewrite_saved_model(source, folder / "small.tflite")
    return folder


def _names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_results_have_the_name_of_the_model(written: pathlib.Path) -> None:
    assert _names(written) == _RESULTS
    assert (written / "small.tflite").read_bytes()[4:8] == b"TFL3"


def test_report_names_the_files(written: pathlib.Path) -> None:
    report = json.loads((written / "small.report.json").read_text())
    assert report["files"] == ["small.assets", "small.tflite"]


def test_model_is_scored_with_the_head_beside_it(
    source: pathlib.Path, written: pathlib.Path
) -> None:
    examples = small_examples()
    found = Scorer(str(written / "small.tflite")).score(examples)["score"]
    signature = tf.saved_model.load(str(source)).signatures["serving_default"]
    expected = signature(examples=tf.constant(examples))["score"]
    assert found == pytest.approx(expected.numpy(), rel=1e-5)


def test_two_models_share_a_folder(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    double = save(tmp_path / "double", lambda x: {"y": 2 * x}, tf.TensorSpec([None, 2], name="x"))
    folder = tmp_path / "out"
    rewrite_saved_model(source, folder / "small.tflite")
    (folder / "notes.txt").touch()
    rewrite_saved_model(double, folder / "double.tflite")
    of_double = [f"double.{name}" for name in ("head", "report.html", "report.json", "tflite")]
    assert _names(folder) == sorted([*_RESULTS, *of_double, "notes.txt"])


def test_next_conversion_replaces_what_the_earlier_one_wrote(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    double = save(tmp_path / "double", lambda x: {"y": 2 * x}, tf.TensorSpec([None, 2], name="x"))
    folder = tmp_path / "out"
    rewrite_saved_model(source, folder / "small.tflite")
    rewrite_saved_model(double, folder / "small.tflite")
    assert _names(folder) == [name for name in _RESULTS if name != "small.assets"]


def test_command_line_writes_into_the_working_directory(
    source: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(["convert", str(source), "small.tflite"]) == 0
    assert _names(tmp_path) == _RESULTS
    assert capsys.readouterr().out.splitlines()[-1].endswith(" ./small.report.html")


def test_report_of_a_rejected_model_is_beside_the_file(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(VerificationError):
        rewrite_saved_model(
            source, tmp_path / "small.tflite", "verification { min_sqnr_db: 1000000 }"
        )
    assert _names(tmp_path) == ["rejected-small"]
    assert _names(tmp_path / "rejected-small") == ["report.html", "report.json"]


@pytest.mark.parametrize("output", ["include_saved_model: true", "extra_filename: 'copy.tflite'"])
def test_output_that_needs_a_folder_is_refused(
    source: pathlib.Path, tmp_path: pathlib.Path, output: str
) -> None:
    with pytest.raises(ConfigError, match=r"small\.tflite"):
        rewrite_saved_model(source, tmp_path / "small.tflite", f"output {{ {output} }}")
    assert not _names(tmp_path)


def test_one_file_for_several_models_is_refused(
    source: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [str(source), str(source.parent / "other")]
    assert main.main(["convert", *models, str(tmp_path / "out.tflite")]) == 2
    assert "2 models" in capsys.readouterr().err
    assert not _names(tmp_path)


def test_folder_that_ends_in_tflite_stays_a_folder(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "small.tflite").mkdir()
    rewrite_saved_model(source, tmp_path / "small.tflite")
    assert (tmp_path / "small.tflite" / "tflite").is_file()
