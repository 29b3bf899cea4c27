"""Files that are pipes or links, that may not be read or written, and bytes that are no text."""

import os
import pathlib
import shutil
from collections.abc import Callable

import pytest
import tensorflow as tf
from bad_input import (
    Refusal,
    check_converted,
    check_not_converted,
    check_refused,
    write_config,
    write_records,
)
from models import EXAMPLES, example, save
from small_model import save_small_model, small_examples
from versions import OF_NO_VERSION, RUNS_SELECT_TF_OPS

from tfx_tflite_component.errors import ExamplesError, SourceModelError, SplitError
from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.storage.scratch import scratch

pytestmark = OF_NO_VERSION

_VARIABLES = "variables/variables.data-00000-of-00001"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("whole") / "model"
    save_small_model(folder)
    return folder


@pytest.fixture
def model(whole: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    return shutil.copytree(whole, tmp_path / "model")


# --- pipes and links


@pytest.mark.parametrize("name", ["saved_model.pb", _VARIABLES, "variables/variables.index"])
def test_pipe_in_a_saved_model_is_refused(
    name: str, model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (model / name).unlink()
    os.mkfifo(model / name)
    refusal = Refusal(SourceModelError, (str(model / name), "a special file"))
    check_not_converted(refusal, model, tmp_path)


@pytest.mark.parametrize("name", ["saved_model.pb", _VARIABLES])
def test_link_out_of_a_saved_model_is_refused(
    name: str, model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shutil.move(model / name, tmp_path / "elsewhere")
    (model / name).symlink_to(tmp_path / "elsewhere")
    refusal = Refusal(SourceModelError, (str(model / name), "elsewhere", "cp -rL"))
    check_not_converted(refusal, model, tmp_path)


def test_links_within_a_saved_model_and_to_it_are_followed(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (model / "saved_model.pb").rename(model / "version-1.pb")
    (model / "saved_model.pb").symlink_to("version-1.pb")
    (tmp_path / "link").symlink_to(model)
    check_converted(tmp_path / "link", tmp_path)


def _pipe(path: pathlib.Path) -> None:
    os.mkfifo(path)


def _dangling(path: pathlib.Path) -> None:
    path.symlink_to("vanished")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(_pipe, ("a special file",), id="pipe"),
        pytest.param(_dangling, ("a link to 'vanished'",), id="dangling link"),
    ],
)
def test_file_among_the_examples_that_cannot_be_read_is_named(
    make: Callable[[pathlib.Path], None],
    words: tuple[str, ...],
    model: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "data").mkdir()
    write_records(tmp_path / "data" / "a", small_examples())
    make(tmp_path / "data" / "b")
    refusal = Refusal(ExamplesError, (str(tmp_path / "data" / "b"), *words))
    check_not_converted(refusal, model, tmp_path, "--examples", f"{tmp_path}/data/*")


# --- rights


def test_read_only_saved_model_is_copied_without_its_modes(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    for entry in [model, *model.rglob("*")]:
        entry.chmod(0o555 if entry.is_dir() else 0o444)
    config = write_config(tmp_path, "output { include_saved_model: true }")
    output = check_converted(model, tmp_path, "--config", config)
    copied = [output / "variables", output / "assets", output / "saved_model.pb"]
    assert all(path.stat().st_mode & 0o200 for path in copied)


def test_scratch_removes_folders_that_are_not_writable(tmp_path: pathlib.Path) -> None:
    modes: list[str] = []
    with pytest.MonkeyPatch.context() as patch, scratch(str(tmp_path)) as folder:
        (folder / "locked").mkdir()
        (folder / "locked" / "file").write_text("content")
        (folder / "locked").chmod(0o555)
        chmod = os.chmod

        def note(path: str, mode: int) -> None:
            modes.append(str(path))
            chmod(path, mode)

        patch.setattr(os, "chmod", note)
    assert list(tmp_path.iterdir()) == []
    if os.geteuid() != 0:
        assert str(folder / "locked") in modes


# --- bytes that are no text


def _refusing(tmp_path: pathlib.Path) -> pathlib.Path:
    """A model that TensorFlow complains of in words that quote the example."""

    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.string)})
        return {"y": tf.strings.to_number(parsed["x"])}

    return save(tmp_path / "model", serve, EXAMPLES)


@pytest.mark.skipif(not RUNS_SELECT_TF_OPS, reason="the interpreter lacks the Select TF ops")
def test_record_that_is_not_utf_8_is_named_with_its_file(tmp_path: pathlib.Path) -> None:
    records = [example(x=[b"1"]), example(x=[b"2"]), example(x=[b"\xff\xfe"]), example(x=[b"3"])]
    data = write_records(tmp_path / "data", records)
    refusal = Refusal(ExamplesError, ("\\xff", f"It is record 2 of {data}"))
    config = write_config(
        tmp_path, "input_boundary: RAW_FEATURES ops { allow_select_tf_ops: true }"
    )
    check_not_converted(
        refusal, _refusing(tmp_path), tmp_path, "--examples", data, "--config", config
    )


def test_broken_record_that_is_not_utf_8_is_named_with_its_file(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    data = write_records(tmp_path / "data", [*small_examples(), b"\xff\xfe\xfd"])
    words = ("Could not parse example", f"It is record {len(small_examples())} of {data}")
    refusal = Refusal(ExamplesError, words)
    check_not_converted(refusal, model, tmp_path, "--examples", data)


def test_scorer_refuses_a_record_that_is_not_utf_8(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    output = check_converted(model, tmp_path)
    with pytest.raises(ExamplesError, match="example 1"):
        Scorer(str(output)).score([small_examples()[0], b"\xff\xfe\xfd"])


def test_nul_in_the_name_of_a_feature_is_refused(tmp_path: pathlib.Path) -> None:
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, {"a\0b": tf.io.FixedLenFeature([1], tf.float32)})
        return {"y": parsed["a\0b"] * 2.0}

    save(tmp_path / "model", serve, EXAMPLES)
    refusal = Refusal(SplitError, ("'a\\x00b'", "null byte"))
    check_refused(refusal, "convert", tmp_path / "model", tmp_path / "out")
