"""Examples that are damaged, not what the model takes, or odd."""

import gzip
import json
import pathlib
import random
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
from models import example
from small_model import save_small_model, small_examples
from versions import OF_NO_VERSION

from tfx_tflite_component.errors import ConfigError, ExamplesError

pytestmark = OF_NO_VERSION

_INTEGER = "quantization { mode: FULL_INTEGER allow_float_fallback: true }"
_REMEDY = "Check that each was written and copied whole"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("small") / "model"
    save_small_model(folder)
    return folder


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of a TFRecord file that is whole."""
    return write_records(tmp_path_factory.mktemp("whole") / "data", small_examples()).read_bytes()


_FILES: dict[str, tuple[str, Callable[[bytes], bytes], tuple[str, ...]]] = {
    "empty": ("data", lambda content: b"", ("verification", "has too few examples, or none")),
    "cut": ("data", lambda content: content[:-7], ("truncated record at", _REMEDY)),
    "noise": ("data", lambda _: random.Random(1).randbytes(999), ("corrupted record at 0",)),
    "text": ("data", lambda _: b"size,word\n1,alpha\n" * 20, ("corrupted record at 0",)),
    "damaged record": (
        "data",
        lambda content: content[:14] + bytes([content[14] ^ 255]) + content[15:],
        ("corrupted record at 12",),
    ),
    "absurd length": (
        "data",
        lambda content: b"\xff" * 8 + content[8:],
        ("corrupted record at 0",),
    ),
    "cut gzip": ("data.gz", lambda content: gzip.compress(content)[:-40], ("truncated record",)),
    "gzip with more behind": (
        "data.gz",
        lambda content: gzip.compress(content) + b"more",
        ("inflate() failed",),
    ),
    "gzip that is not named so": (
        "data",
        gzip.compress,
        ("corrupted record", "(it is compressed with gzip)", "names end in .gz"),
    ),
    "no gzip that is named so": (
        "data.gz",
        lambda content: content,
        ("inflate() failed", "(it is not compressed with gzip)"),
    ),
}


@pytest.mark.parametrize("name", _FILES)
def test_file_that_cannot_be_read_is_named(
    name: str, model: pathlib.Path, content: bytes, tmp_path: pathlib.Path
) -> None:
    filename, damage, words = _FILES[name]
    path = tmp_path / filename
    path.write_bytes(damage(content))
    refusal = Refusal(ExamplesError, (str(path), *words))
    check_not_converted(refusal, model, tmp_path, "--examples", path)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("{}/no*", ("/no*' matches no file",)),
        ("{}/[", ("/[' matches no file",)),
        ("", ("'' matches no file",)),
        ("{}", ("is a folder; its files are '/",)),
    ],
)
def test_pattern_that_names_no_file_is_refused(
    pattern: str, words: tuple[str, ...], model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    examples = pattern.format(tmp_path)
    check_not_converted(Refusal(ExamplesError, words), model, tmp_path, "--examples", examples)


_SEQUENCE = tf.train.SequenceExample(
    context=tf.train.Features(
        feature={"other": tf.train.Feature(float_list=tf.train.FloatList(value=[1.0]))}
    )
).SerializeToString()

_LACKING = ("Some examples lack features", "'size' in 1 of 46")
_PAYLOADS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "no message": (b"not an example", ("Could not parse example input, value: 'not an example'",)),
    "nothing": (b"", _LACKING),
    "another message": (_SEQUENCE, _LACKING),
    "missing feature": (example(word=["alpha"]), _LACKING),
    "feature without values": (example(size=[]), _LACKING),
    "words for numbers": (
        example(size=["a", "b"]),
        ("feature 'size': Data types don't match", "string but expected type: float"),
    ),
    "integers for floats": (example(size=[1, 2]), ("feature 'size'", "int64 but expected")),
    "numbers for words": (
        example(size=[1.0, 2.0], word=[1.0]),
        ("feature 'word'", "float but expected type: string"),
    ),
    "too few values": (example(size=[1.0]), ("feature 'size'", "Values size: 1")),
    "far too many values": (example(size=[1.0] * 100_000), ("Values size: 100000",)),
}


@pytest.mark.parametrize("name", _PAYLOADS)
def test_example_that_the_model_does_not_take_is_named(
    name: str, model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    payload, words = _PAYLOADS[name]
    # calibrated: so that it is found before the conversion
    config = write_config(tmp_path, _INTEGER)
    examples = write_records(tmp_path / "data", small_examples())
    calibration = write_records(tmp_path / "calibration", [*small_examples() * 9, payload])
    files = ["--examples", examples, "--calibration-examples", calibration]
    position = 9 * len(small_examples())
    refusal = Refusal(ExamplesError, (*words, f"It is record {position} of {calibration}"))
    check_not_converted(refusal, model, tmp_path, *files, "--config", config)


def test_example_that_the_model_does_not_take_is_named_without_a_calibration(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    examples = write_records(tmp_path / "data", [example(word=["alpha"])])
    words = ("The signature takes 'size'", "hold 'word'", "'size' is in none of them")
    check_not_converted(Refusal(ExamplesError, words), model, tmp_path, "--examples", examples)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_value_without_a_range_is_not_calibrated_with(
    value: str, model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = write_config(tmp_path, _INTEGER)
    # one to calibrate with, and one to compare on
    records = [example(size=[1.0, float(value)]), example(size=[2.0, float(value)])]
    examples = write_records(tmp_path / "data", records)
    words = (f"Feature 'size' is {value} in example 0", "Remove such", f"of {examples}")
    refusal = Refusal(ExamplesError, words)
    check_not_converted(refusal, model, tmp_path, "--examples", examples, "--config", config)


def test_sums_that_overflow_in_both_models_are_counted(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    examples = write_records(tmp_path / "data", [example(size=[3e38, 3e38])])
    output = check_converted(model, tmp_path, "--examples", examples)
    report = json.loads((output / "report.json").read_text())
    assert report["verification"]["outputs"]["score"]["nan_count"] == 1


def test_calibration_without_examples_is_refused_at_once(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = write_config(tmp_path, _INTEGER)
    refusal = Refusal(ConfigError, ("FULL_INTEGER is calibrated", "Name the files"))
    check_not_converted(refusal, model, tmp_path, "--config", config)


def test_unusual_examples_are_read_as_by_the_model(
    model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    odd = [
        example(size=[1e-45, -0.0], word=[""]),
        example(size=[1.0, 2.0], word=[b"\xff\xfe\x00x"]),
        example(size=[1.0, 2.0], word=["x" * 1_000_000]),
        example(size=[1e9, -1e9], word=["alpha"], unknown=["feature"]),
    ]
    output = check_converted(model, tmp_path, "--examples", write_records(tmp_path / "data", odd))
    # the same holds for a comparison afterwards
    refused = write_records(tmp_path / "refused", [example(size=["a", "b"])])
    words = ("feature 'size': Data types don't match",)
    arguments = ("compare", model, output / "tflite", "--examples", refused)
    check_refused(Refusal(ExamplesError, words), *arguments)
