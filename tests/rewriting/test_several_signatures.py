"""Several signatures of a SavedModel in one file."""

import dataclasses
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from quantizable import Rewritten, rewritten
from two_signatures import save_shared, shared_examples

from tfx_tflite_component.app.check import check_golden
from tfx_tflite_component.app.golden import read_golden
from tfx_tflite_component.errors import (
    ConfigError,
    ConversionError,
    SourceModelError,
    SplitError,
    VerificationError,
)
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.report.page import render
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.report.text import describe_report
from tfx_tflite_component.report.verdict import Verdict, verdict
from tfx_tflite_component.rewriting import several_signatures
from tfx_tflite_component.tflite.inspection import inspect, inspect_signatures
from tfx_tflite_component.tflite.merge import merge
from tfx_tflite_component.tflite.schema import schema

_BOTH = ["serving_default", "embed"]
_EXAMPLES = shared_examples(60)
_MODES: Mapping[str, Mapping[str, Any]] = {
    "float": {},
    "int8": {"quantization": {"mode": "FULL_INTEGER"}},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_shared(tmp_path_factory.mktemp("source") / "model")


@dataclasses.dataclass(frozen=True)
class _Files:
    """A file with two signatures, and a file with only one of them for each."""

    both: Rewritten
    alone: Mapping[str, Rewritten]


@pytest.fixture(scope="module", params=_MODES)
def files(
    request: pytest.FixtureRequest,
    source: pathlib.Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> _Files:
    folder, config = tmp_path_factory.mktemp("files"), _MODES[request.param]
    calibration = _EXAMPLES[:30] if config else []

    def made(name: str, keys: Mapping[str, Any]) -> Rewritten:
        return rewritten(source, folder / name, {**config, **keys}, calibration, _EXAMPLES[30:])

    alone = {key: made(key, {"signature_key": key}) for key in _BOTH}
    return _Files(made("both", {"signature_keys": _BOTH}), alone)


def test_file_is_hardly_larger_than_with_the_largest_signature(files: _Files) -> None:
    sizes = [alone.path.stat().st_size for alone in files.alone.values()]
    assert files.both.path.stat().st_size <= 1.05 * max(sizes)


def test_report_says_of_each_signature_what_it_says_of_it_alone(files: _Files) -> None:
    report = files.both.report
    assert [signature.signature_key for signature in report.signatures] == _BOTH
    for signature, alone in zip(report.signatures, files.alone.values(), strict=True):
        for part in ("boundary", "inputs", "outputs", "lowered", "calibration", "verification"):
            assert getattr(signature, part) == getattr(alone.report, part)
    assert report.model == inspect(files.both.path)
    assert verdict(report) is Verdict.PASSED
    assert Report.from_json(report.to_json()) == report


def test_page_and_terminal_show_each_signature(files: _Files) -> None:
    page, lines = render(files.both.report), "\n".join(describe_report(files.both.report))
    for text in (page, lines):
        assert text.index("probabilities") < text.index("embedding")


def test_heads_have_the_keys_of_the_signatures(files: _Files, source: pathlib.Path) -> None:
    folder = files.both.path.parent.parent
    found = inspect_signatures(files.both.path)
    assert [*found] == _BOTH
    for key in _BOTH:
        head = load_signature(folder / "head", key)
        assert head.structured_outputs.keys() == found[key].inputs.keys()


def test_files_for_an_app_are_about_each_signature_and_metadata_about_the_first(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    labels = ["a", "b", "c"]
    config = {
        "signature_keys": ["serving_default", "embed"],
        "app": {"c_array": True, "golden_vectors": 2, "snippets": ["PYTHON"]},
        "metadata": {"labels": labels},
    }
    result = rewritten(source, tmp_path / "out", config)
    report, path, folder = result.report, result.path, tmp_path / "out" / "app"
    files = [f"{key}.{name}" for key in _BOTH for name in ("golden.json", "snippet.py")]
    assert {*report.app_files} == {"model.cc", "model.h", "model_ops.h", *files}
    for key, output in zip(_BOTH, ("probabilities", "embedding"), strict=True):
        golden = read_golden(folder / f"{key}.golden.json")
        assert (golden.signature_key, [*golden.vectors[0].outputs]) == (key, [output])
        assert check_golden(path, golden).mismatches == ()
        assert f'get_signature_runner("{key}")' in report.snippets[f"{key}.snippet.py"]
    assert report.metadata is not None
    assert [one.labels for one in report.metadata.outputs] == [tuple(labels)]
    assert zipfile.ZipFile(path).read("labels.txt").decode().split() == labels
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    names = [model.Metadata(number).Name() for number in range(model.MetadataLength())]
    assert names.count(b"TFLITE_METADATA") == 1
    assert b"min_runtime_version" in names


def test_signature_with_a_state_works_beside_others(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    result = rewritten(source, tmp_path / "out", {"signature_keys": ["count", "embed"]})
    interpreter = tf.lite.Interpreter(str(result.path))
    run, other = (interpreter.get_signature_runner(key) for key in ("count", "embed"))
    values = {"values": np.zeros([1, 64], np.float32)}
    counts = []
    for _ in range(3):
        counts.append(float(run(**values)["count"][0, 0]))
        other(**values)
    assert counts == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("config", "error", "culprit"),
    [
        ({"signature_key": "embed"}, ConfigError, "signature_key, which"),
        ({"signature_keys": ["embed", "embed"]}, ConfigError, "different signatures"),
        ({"signature_keys": ["embed", ""]}, ConfigError, "different signatures"),
        (
            {"input_boundary": "TENSORS", "boundary_tensors": {"x": "y"}},
            ConfigError,
            "boundary_tensors",
        ),
        (
            {"metadata": {"labels": ["a", "b"]}},
            ConfigError,
            "'serving_default': .*metadata.labels",
        ),
        ({"signature_keys": ["embed", "nothing"]}, SourceModelError, "'nothing'"),
        ({"signature_keys": ["count", "look"]}, SplitError, "'count' .*'look'"),
        (
            {"input_shapes": {"other": {"dims": [1]}}},
            ConfigError,
            "'serving_default': .*'other'",
        ),
        (
            {"verification": {"outputs": {"other": {"max_abs_error": 1}}}},
            ConfigError,
            "'serving_default': .*'other'",
        ),
    ],
)
def test_impossible_combination_is_refused(
    config: Mapping[str, Any],
    error: type[Exception],
    culprit: str,
    source: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(error, match=culprit):
        rewritten(source, tmp_path / "out", {"signature_keys": _BOTH, **config})


def test_failing_signature_is_named_and_its_report_kept(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    limits = {"embedding": {"max_abs_error": 0}, "probabilities": {"max_abs_error": 1}}
    config = {
        "signature_keys": _BOTH,
        "quantization": {"mode": "DYNAMIC_RANGE"},
        "verification": {"outputs": limits},
    }
    with pytest.raises(VerificationError, match=r"^Signature 'embed': ") as caught:
        rewritten(source, tmp_path / "out", config, verification=_EXAMPLES)
    report = Report.from_json(caught.value.report)
    assert [signature.signature_key for signature in report.signatures] == _BOTH
    assert (verdict(report), report.files) == (Verdict.REJECTED, ())


def test_file_whose_signature_differs_from_that_alone_is_refused(
    source: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def confused(contents: Mapping[str, bytes]) -> bytes:
        return merge(dict(zip(contents, reversed(contents.values()), strict=True)))

    monkeypatch.setattr(several_signatures, "merge", confused)
    with pytest.raises(ConversionError, match="Signature 'serving_default'"):
        config = {"signature_keys": ["serving_default", "backward"]}
        rewritten(source, tmp_path / "out", config, verification=_EXAMPLES)
