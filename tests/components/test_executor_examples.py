"""What the executor takes from the Examples artifact, and what it does after a verification."""

import json
import logging
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from artifacts import examples_artifact, model_artifact
from quantizable import example, save_model, weights
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from workers import WorkerInProcess

from tfx_tflite_component import TFLiteReport
from tfx_tflite_component.components.rewriter import executor
from tfx_tflite_component.components.rewriter.executor import Executor
from tfx_tflite_component.errors import ConfigError, ExamplesError, VerificationError
from tfx_tflite_component.samples.sampling import Drawn
from tfx_tflite_component.worker import tasks

_INTEGER = {"mode": "FULL_INTEGER"}
# the splits have other ranges, so that the model is poor
_WARN = {"on_failure": "WARN"}

Samples = dict[str, list[bytes]]


@pytest.fixture(autouse=True)
def samples(monkeypatch: pytest.MonkeyPatch) -> Samples:
    """The samples that the worker draws, which works in this process."""
    handed: Samples = {}

    draw_samples = tasks.draw_samples

    def recording(*arguments: Any) -> dict[str, list[Drawn]]:
        drawn = draw_samples(*arguments)
        handed.update({name: [one.record for one in some] for name, some in drawn.items()})
        return drawn

    monkeypatch.setattr(tasks, "draw_samples", recording)
    monkeypatch.setattr(executor, "Worker", WorkerInProcess)
    return handed


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of a Model artifact; the model takes a feature `x`."""
    folder = tmp_path_factory.mktemp("trainer")
    dense = weights(1, 3)
    save_model(
        folder / "Format-Serving",
        {"x": tf.io.FixedLenFeature([1], tf.float32)},
        lambda features: {"scores": features["x"] @ dense},
        dense,
    )
    return folder


def _write(folder: pathlib.Path, name: str, values: Sequence[float]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(
        str(folder / name), "GZIP" if name.endswith(".gz") else None
    ) as writer:
        for value in values:
            writer.write(example(x=float(value)))


def _values(records: Sequence[bytes]) -> list[float]:
    return [
        tf.train.Example.FromString(record).features.feature["x"].float_list.value[0]
        for record in records
    ]


@pytest.fixture
def examples(tmp_path: pathlib.Path) -> standard_artifacts.Examples:
    """Examples of 0 and more in `train`, and below 0 in `eval`."""
    folder = tmp_path / "examples"
    _write(folder / "Split-train", "data_tfrecord-00000-of-00002.gz", range(1000))
    _write(folder / "Split-train", "data_tfrecord-00001-of-00002.gz", range(1000, 2000))
    _write(folder / "Split-eval", "data_tfrecord-00000-of-00001.gz", range(-600, 0))
    return examples_artifact(folder)


def _do(
    source: pathlib.Path,
    folder: pathlib.Path,
    config: Mapping[str, Any],
    *examples: standard_artifacts.Examples,
) -> None:
    """Executes; the outputs are `model` and `report` in a folder."""
    report = TFLiteReport()
    report.uri = str(folder / "report")
    Executor().Do(
        {"model": [model_artifact(source)], "examples": list(examples)},
        {"model": [model_artifact(folder / "model")], "report": [report]},
        {"config": json.dumps(config)},
    )


def _published(folder: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_samples_the_default_splits(
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
    samples: Samples,
    tmp_path: pathlib.Path,
) -> None:
    _do(source, tmp_path / "out", {"quantization": _INTEGER, "verification": _WARN}, examples)
    assert {name: len(set(records)) for name, records in samples.items()} == {
        "calibration": 500,
        "verification": 200,
    }
    assert min(_values(samples["calibration"])) >= 0
    assert max(_values(samples["verification"])) < 0


def test_samples_the_splits_and_numbers_asked_for(
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
    samples: Samples,
    tmp_path: pathlib.Path,
) -> None:
    config = {
        "quantization": _INTEGER,
        "calibration": {"splits": ["train", "eval"], "num_examples": 40},
        "verification": {"splits": ["train"], "num_examples": 7, **_WARN},
    }
    _do(source, tmp_path / "out", config, examples)
    calibration, verification = (_values(samples[n]) for n in ("calibration", "verification"))
    assert (len(calibration), len(verification)) == (40, 7)
    assert min(calibration) < 0 < max(calibration)
    assert min(verification) >= 0
    report = json.loads((tmp_path / "out" / "report" / "report.json").read_text())
    assert report["calibration"].pop("output_ranges").keys() == {"scores"}
    assert report["calibration"] == {
        "splits": ["train", "eval"],
        "num_examples": 40,
        "seed": 0,
        "ranges": {"x": {"min": min(calibration), "max": max(calibration)}},
    }
    assert report["verification"]["num_examples"] == 7


def test_modes_without_calibration_draw_no_calibration_sample(
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
    samples: Samples,
    tmp_path: pathlib.Path,
) -> None:
    _do(source, tmp_path / "out", {}, examples)
    assert list(samples) == ["verification"]


def test_sample_is_spread_over_all_shards_compressed_or_not(
    source: pathlib.Path, samples: Samples, tmp_path: pathlib.Path
) -> None:
    for index, suffix in enumerate(["", ".gz", "", ".gz"]):
        name = f"data_tfrecord-{index:05}-of-00004{suffix}"
        _write(tmp_path / "1" / "Split-train", name, range(1000 * index, 1000 * index + 500))
    # Examples of several spans come as several artifacts
    _write(tmp_path / "2" / "Split-train", "data_tfrecord-00000-of-00001.gz", range(4000, 4500))
    config = {
        "quantization": _INTEGER,
        "calibration": {"num_examples": 50},
        "verification": {"splits": ["train"], "num_examples": 50, **_WARN},
    }
    artifacts = [examples_artifact(tmp_path / name, splits=["train"]) for name in "12"]
    _do(source, tmp_path / "out", config, *artifacts)
    shards = [int(value // 1000) for value in _values(samples["calibration"])]
    assert sorted(set(shards)) == [0, 1, 2, 3, 4]
    assert min(map(shards.count, range(5))) >= 2


@pytest.mark.parametrize(("seed", "is_same"), [(7, True), (8, False)])
def test_seed_decides_on_the_sample(
    seed: int,
    is_same: bool,
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
    samples: Samples,
    tmp_path: pathlib.Path,
) -> None:
    drawn: list[dict[str, list[bytes]]] = []
    for folder, number in [("1", 7), ("2", seed)]:
        # what another component did in this process must not matter
        tf.random.set_seed(len(drawn))
        config = {
            "quantization": _INTEGER,
            "calibration": {"num_examples": 20, "seed": number},
            "verification": {"num_examples": 20, **_WARN},
        }
        _do(source, tmp_path / folder, config, examples)
        drawn.append(dict(samples))
    assert (drawn[0]["calibration"] == drawn[1]["calibration"]) == is_same
    assert drawn[0]["verification"] == drawn[1]["verification"]


def test_warns_how_many_examples_there_are_if_fewer_than_asked_for(
    source: pathlib.Path,
    samples: Samples,
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for split, count in [("train", 30), ("eval", 5)]:
        folder = tmp_path / "examples" / f"Split-{split}"
        _write(folder, "data_tfrecord-00000-of-00001.gz", np.arange(count))
    with caplog.at_level(logging.WARNING):
        artifact = examples_artifact(tmp_path / "examples")
        config = {
            "quantization": _INTEGER,
            "calibration": {"num_examples": 40},
            "verification": _WARN,
        }
        _do(source, tmp_path / "out", config, artifact)
    assert (len(samples["calibration"]), len(samples["verification"])) == (30, 5)
    assert "calibration.num_examples is 40, but only 30 examples of" in caplog.text
    # nobody asked for 200
    assert "verification.num_examples" not in caplog.text


def _check_refused(
    error: type[Exception],
    words: list[str],
    source: pathlib.Path,
    folder: pathlib.Path,
    config: Mapping[str, Any],
    *examples: standard_artifacts.Examples,
) -> None:
    with pytest.raises(error) as raised:
        _do(source, folder, config, *examples)
    assert [word for word in words if word not in str(raised.value)] == []
    assert _published(folder) == []


@pytest.mark.parametrize("field", ["calibration", "verification"])
def test_refuses_a_split_that_is_not_there_and_names_those_that_are(
    field: str,
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
    tmp_path: pathlib.Path,
) -> None:
    config = {"quantization": _INTEGER, field: {"splits": ["train", "test"]}}
    words = [f"{field}.splits", "has no split 'test'", "it has 'train', 'eval'"]
    _check_refused(ExamplesError, words, source, tmp_path / "out", config, examples)


@pytest.mark.parametrize("has_file", [True, False])
@pytest.mark.parametrize(("field", "split"), [("calibration", "train"), ("verification", "eval")])
def test_refuses_a_split_without_an_example(
    field: str,
    split: str,
    has_file: bool,
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
    tmp_path: pathlib.Path,
) -> None:
    folder = pathlib.Path(examples.uri) / f"Split-{split}"
    for path in folder.iterdir():
        path.unlink()
    if has_file:
        _write(folder, "data_tfrecord-00000-of-00001.gz", [])
    words = [f"{field}.splits: '{split}'", "hold no example"]
    config = {"quantization": _INTEGER}
    _check_refused(ExamplesError, words, source, tmp_path / "out", config, examples)


def test_payload_other_than_tf_example_is_refused(
    source: pathlib.Path, examples: standard_artifacts.Examples, tmp_path: pathlib.Path
) -> None:
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_PROTO)
    words = ["FORMAT_PROTO", "only FORMAT_TF_EXAMPLE"]
    _check_refused(ExamplesError, words, source, tmp_path / "out", {}, examples)


def test_file_format_other_than_tfrecord_is_refused(
    source: pathlib.Path, examples: standard_artifacts.Examples, tmp_path: pathlib.Path
) -> None:
    examples.set_string_custom_property("file_format", "parquet")
    words = ["'parquet'", "'tfrecords_gzip'"]
    _check_refused(ExamplesError, words, source, tmp_path / "out", {}, examples)


def test_refuses_a_calibration_without_examples(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    words = ["FULL_INTEGER", "no `examples`", "example_gen.outputs['examples']"]
    config = {"quantization": _INTEGER}
    _check_refused(ConfigError, words, source, tmp_path / "out", config)


def test_refuses_values_that_are_not_finite(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for split in ("train", "eval"):
        values = [*range(6), np.nan] if split == "train" else [0]
        folder = tmp_path / "examples" / f"Split-{split}"
        _write(folder, "data_tfrecord-00000-of-00001.gz", values)
    artifact = examples_artifact(tmp_path / "examples")
    config = {"quantization": _INTEGER}
    words = ["Feature 'x' is nan in example ", " of the calibration sample"]
    _check_refused(ExamplesError, words, source, tmp_path / "out", config, artifact)


def test_rejected_model_leaves_only_its_report(
    source: pathlib.Path, examples: standard_artifacts.Examples, tmp_path: pathlib.Path
) -> None:
    config = {"quantization": _INTEGER, "verification": {"min_sqnr_db": 200}}
    with pytest.raises(VerificationError, match="Nothing was published") as raised:
        _do(source, tmp_path / "out", config, examples)
    assert _published(tmp_path / "out") == [
        "rejected-model/report.html",
        "rejected-model/report.json",
    ]
    report = json.loads((tmp_path / "out" / "rejected-model" / "report.json").read_text())
    assert report == raised.value.report
    assert report["verification"]["outputs"]["scores"]["sqnr_db"] < 200
    assert str(tmp_path / "out" / "rejected-model") in str(raised.value)


def test_on_failure_warn_publishes_with_a_warning(
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    verification = {"min_sqnr_db": 200, "on_failure": "WARN"}
    with caplog.at_level(logging.WARNING):
        config = {"quantization": _INTEGER, "verification": verification}
        _do(source, tmp_path / "out", config, examples)
    assert "model/Format-Serving/tflite" in _published(tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report" / "report.json").read_text())
    (warning,) = report["warnings"]
    assert "the limit is at least 200.0 dB" in warning
    assert warning in caplog.text
    page = (tmp_path / "out" / "report" / "report.html").read_text()
    assert "the limit is at least 200.0 dB" in page
