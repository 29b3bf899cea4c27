"""Code that calls the model: Python's is run, the others have each input and output."""

import html
import json
import pathlib
import re
import runpy

import numpy as np
import pytest
import rides
import tensorflow as tf
from models import Tensors, example, save, save_parsing
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component.app.snippets import _kotlin_literal, _literal, _swift_literal
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model
from tfx_tflite_component.tflite.interpreter import TFLiteModel

pytestmark = OF_NO_VERSION

_SNIPPETS = "snippets: [PYTHON, CPP, KOTLIN, SWIFT]"
_NAMES = ["m.snippet.cc", "m.snippet.kt", "m.snippet.py", "m.snippet.swift"]


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The rides model as `m.tflite`, with snippets."""
    folder = tmp_path_factory.mktemp("snippets")
    rides.save_rides(folder / "model")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        report = rewrite_saved_model(
            folder / "model", folder / "m.tflite", f"app {{ {_SNIPPETS} }}"
        )
    assert report["app_files"] == _NAMES
    return folder


def _run(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The outputs of the Python snippet."""
    names: dict[str, object] = {"__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), names)
    outputs = names["outputs"]
    assert isinstance(outputs, dict)
    return outputs


@pytest.mark.slow
def test_python_returns_what_the_model_does(folder: pathlib.Path) -> None:
    model = TFLiteModel(folder / "m.tflite")
    zeros = {
        name: np.full(np.abs(d.shape), b"" if d.dtype is np.bytes_ else 0, d.dtype)
        for name, d in model.inputs.items()
    }
    expected = model({n: a.astype(object) if a.dtype.kind == "S" else a for n, a in zeros.items()})
    np.testing.assert_array_equal(_run(folder / "m.snippet.py")["tip"], expected["tip"])


def test_literals_hold_any_characters() -> None:
    text = 'a"\\$\n\x08\u00e9\u2028\U0001f600'
    shared = r'"a\"\\'
    # JSON's \b, and its pairs of surrogates, are none of some languages
    assert eval(_literal(text)) == text
    assert _literal(text) == shared + r'$\n\U00000008\U000000e9\U00002028\U0001f600"'
    assert _kotlin_literal(text) == shared + r'\$\n\u0008\u00e9\u2028\ud83d\ude00"'
    assert _swift_literal(text) == shared + r"$\n\u{8}" + "\u00e9" + r"\u{2028}" + '\U0001f600"'


def test_python_of_a_float_model_quantizes_nothing(folder: pathlib.Path) -> None:
    assert "quantized" not in (folder / "m.snippet.py").read_text()


def test_python_is_a_program(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(folder / "m.snippet.py"), run_name="__main__")
    assert capsys.readouterr().out.startswith("tip [[")


@pytest.mark.parametrize("name", _NAMES)
def test_every_input_and_output_is_named(folder: pathlib.Path, name: str) -> None:
    text = (folder / name).read_text()
    model = TFLiteModel(folder / "m.tflite")
    for tensor in [*model.inputs, *model.outputs]:
        assert f'"{tensor}"' in text
    assert '"serving_default"' in text


def test_quantized_inputs_and_outputs_are_real_values_and_classes_have_labels(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tf.constant(tf.random.stateless_normal([4, 3], seed=[1, 2]))
    save(
        tmp_path / "model",
        lambda x: {"y": tf.nn.relu(x @ weights + [1.0, 2.0, 1.0])},
        tf.TensorSpec([1, 4], tf.float32, "x"),
    )
    records = tmp_path / "records"
    with tf.io.TFRecordWriter(str(records)) as writer:
        for row in np.random.default_rng(0).normal(size=[60, 4]).tolist():
            features = {"x": tf.train.Feature(float_list=tf.train.FloatList(value=row))}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    int8 = "mode: FULL_INTEGER input_type: INT8 output_type: INT8"
    labels = 'metadata { labels: ["red", "Liège", "blue"] }'
    config = f"quantization {{ {int8} }} app {{ {_SNIPPETS} }} {labels}"
    rewrite_saved_model(tmp_path / "model", tmp_path / "m.tflite", config, records)
    found = _run(tmp_path / "m.snippet.py")["y"]
    np.testing.assert_allclose(found, [[1.0, 2.0, 1.0]], atol=0.05)
    assert capsys.readouterr().out.endswith("['Liège']\n")
    for name in _NAMES:
        assert "['red', 'Liège', 'blue']" in (tmp_path / name).read_text()


@pytest.mark.slow
def test_what_is_left_of_the_preprocessing_is_told_with_its_constants(
    tmp_path: pathlib.Path,
) -> None:
    rides.save_rides(tmp_path / "model")
    config = f"app {{ {_SNIPPETS} }} input_boundary: TRANSFORMED_FEATURES"
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "m.tflite", config)
    computed = report["computed_inputs"]
    assert computed["seconds_xf"]["steps"] == [
        '"seconds" is 0 if it is missing',
        's1 = "seconds" as float32',
        "s2 = s1 - 800.0",
        '"seconds_xf" = s2 / 650.0',
    ]
    for name, default, limits in (
        ("latitude", 41.88, rides.LATITUDES),
        ("longitude", -87.63, rides.LONGITUDES),
    ):
        assert computed[f"{name}_xf"]["steps"] == [
            f'"{name}" is {default} if it is missing',
            f'"{name}_xf" = the number of these that are not above "{name}": {list(limits)}',
        ]
    words = json.dumps([word.decode() for word in rides.COMPANIES])
    assert f'the position of "company", from 0, in {words}; 5' in computed["company_xf"]["steps"][1]
    page = html.unescape((tmp_path / "m.report.html").read_text())
    for name in _NAMES:
        text = (tmp_path / name).read_text()
        assert report["snippets"][name] == text
        assert page.count(text) == 1
        lines = text.splitlines()
        for one in computed.values():
            for step in one["steps"]:
                assert any(line.endswith(f"   {step}") and line[0] in "#/" for line in lines)


@pytest.mark.slow
def test_vocabulary_file_and_hashes_are_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\nc\n")
    module = tf.Module()
    initializer = tf.lookup.TextFileInitializer(
        str(tmp_path / "words.txt"),
        *(tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
        *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
    )
    module.table = tf.lookup.StaticVocabularyTable(initializer, num_oov_buckets=2)
    features = {
        "word": tf.io.FixedLenFeature([], tf.string),
        "text": tf.io.FixedLenFeature([], tf.string),
        "image": tf.io.FixedLenFeature([], tf.string),
    }

    def compute(parsed: Tensors) -> Tensors:
        letters = tf.strings.to_hash_bucket_fast(tf.strings.lower(parsed["text"]), 7)
        pixels = tf.map_fn(_decoded, parsed["image"], fn_output_signature=tf.float32)
        word = tf.one_hot(module.table.lookup(parsed["word"]), 5)
        return {"y": word, "z": tf.one_hot(letters, 7), "x": tf.reduce_mean(pixels, [1, 2, 3])}

    save_parsing(tmp_path / "model", features, compute, module)
    jpeg = tf.io.encode_jpeg(tf.zeros([10, 12, 3], tf.uint8)).numpy()
    with tf.io.TFRecordWriter(str(tmp_path / "records")) as writer:
        for word in (b"a", b"b", b"c", b"unknown"):
            writer.write(example(word=[word], text=[word], image=[jpeg]))
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "m", examples=tmp_path / "records")
    steps = {name: computed["steps"] for name, computed in report["computed_inputs"].items()}
    assert steps["text"] == [
        's1 = "text" in lower case, ASCII letters only',
        '"text" = FarmHash Fingerprint64 of s1, modulo 7',
    ]
    assert steps["word"] == [
        's1 = FarmHash Fingerprint64 of "word", modulo 2',
        's2 = the position of "word", from 0, in the 3 lines of assets/words.txt; '
        "-1 if it is not there",
        "s3 = s1 + 3",
        "s4 = s2 != -1",
        '"word" = s2 where s4, else s3',
    ]
    assert (tmp_path / "m" / "assets" / "words.txt").is_file()
    for words in ("channels=3", "ResizeBilinear(_, [8, 9]", "_ / 255.0"):
        assert words in steps["image"][1]


def _decoded(encoded: tf.Tensor) -> tf.Tensor:
    image = tf.cast(tf.io.decode_jpeg(encoded, channels=3), tf.float32)
    return tf.image.resize(image, [8, 9]) / 255.0


def test_names_of_a_model_are_quoted(tmp_path: pathlib.Path) -> None:
    def build(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'$y"\n*/import os': 2.0 * x}

    save(tmp_path / "model", build, tf.TensorSpec([None], tf.float32, "x"))
    rewrite_saved_model(tmp_path / "model", tmp_path / "m.tflite", f"app {{ {_SNIPPETS} }}")
    for name in _NAMES:
        assert not re.search(r"^\*/import os", (tmp_path / name).read_text(), re.MULTILINE)
    assert r'"\$y\"\n*/import os"' in (tmp_path / "m.snippet.kt").read_text()
