"""Rewriting without a pipeline: one function for each kind of source."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from models import example, save, save_each, save_parsing
from small_model import save_small_model, small_examples
from tfx.dsl.io import fileio
from workers import WorkerInProcess

from tfx_tflite_component.config import given_config
from tfx_tflite_component.errors import (
    ConfigError,
    ExamplesError,
    ModelFileError,
    SourceModelError,
    VerificationError,
)
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.standalone import compare, rewrite
from tfx_tflite_component.standalone.compare import compare_models
from tfx_tflite_component.standalone.rewrite import (
    rewrite_concrete_function,
    rewrite_keras_model,
    rewrite_saved_model,
)
from tfx_tflite_component.tflite.interpreter import TFLiteModel

_RESULTS = ["head", "report.html", "report.json", "tflite"]
_X = tf.TensorSpec([None, 2], tf.float32, "x")
_ROWS = np.linspace(-2, 2, 12, dtype=np.float32).reshape(6, 2)

both_generations = pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras", "tf_keras"])


@pytest.fixture(autouse=True)
def _in_process(monkeypatch):
    for module in (compare, rewrite):
        monkeypatch.setattr(module, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A model that parses `tf.Example`s and has a vocabulary."""
    folder = tmp_path_factory.mktemp("source") / "model"
    save_small_model(folder)
    return folder


@pytest.fixture(scope="module")
def doubling(tmp_path_factory):
    """The smallest model: y = 2 x."""
    return save(tmp_path_factory.mktemp("doubling") / "model", lambda x: {"y": 2 * x}, _X)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A folder with the small model's examples, plain and compressed."""
    folder = tmp_path_factory.mktemp("records")
    _write(folder / "plain.tfrecord", small_examples())
    _write(folder / "packed.tfrecord.gz", small_examples(), "GZIP")
    return folder


@pytest.fixture(scope="module")
def small_tflite(source, tmp_path_factory):
    """The TFLite model of the small model."""
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        rewrite_saved_model(source, folder)
    return folder / "tflite"


def _write(path, examples, compression=""):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for serialized in examples:
            writer.write(serialized)
    return path


def _names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def _run(folder, **inputs):
    return TFLiteModel(folder / "tflite")(inputs)


# --- what is written


def test_results_are_side_by_side_and_match_the_source(source, records, tmp_path):
    report = rewrite_saved_model(source, tmp_path / "out", examples=records / "plain.tfrecord")
    assert _names(tmp_path / "out") == ["assets", *_RESULTS]
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    assert report["verification"]["inputs"] == "examples"
    expected = load_signature(source, "serving_default")(tf.constant(small_examples()))["score"]
    found = Scorer(str(tmp_path / "out")).score(small_examples())["score"]
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5)
    assert (tmp_path / "out" / "assets" / "words.txt").read_text() == "alpha\nbeta\ngamma\n"


@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_paths_may_be_strings(kind, doubling, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rewrite_saved_model(kind(doubling), kind("out"))
    assert _names(tmp_path / "out") == _RESULTS


@pytest.mark.parametrize("name", ["user-age", "user.age", "user/age", "1st"])
def test_inputs_may_have_any_name(name, tmp_path):
    source = save(tmp_path / "model", lambda x: {"y": 2 * x}, tf.TensorSpec([None, 2], name=name))
    files = _write(tmp_path / "rows.tfrecord", [example(**{name: [1.0, -3.0]})])
    report = rewrite_saved_model(source, tmp_path / "out", examples=files)
    assert list(report["inputs"]) == [name]
    assert report["verification"]["outputs"]["y"]["max_abs_error"] == 0
    found = Scorer(str(tmp_path / "out")).score([example(**{name: [1.0, -3.0]})])["y"]
    np.testing.assert_array_equal(found, [[2, -6]])


def test_other_files_of_the_destination_are_kept_and_results_are_replaced(doubling, tmp_path):
    destination = tmp_path / "out"
    destination.mkdir()
    (destination / "notes.txt").write_text("mine")
    rewrite_saved_model(doubling, destination)
    first = (destination / "tflite").read_bytes()
    rewrite_saved_model(doubling, destination, {"quantization": {"mode": "FLOAT16"}})
    assert _names(destination) == sorted([*_RESULTS, "notes.txt"])
    report = json.loads((destination / "report.json").read_text())
    assert report["config"]["quantization"]["mode"] == "FLOAT16"
    assert (destination / "notes.txt").read_text() == "mine"
    assert (destination / "tflite").read_bytes()[4:8] == first[4:8] == b"TFL3"


def test_outdated_results_of_an_earlier_rewriting_are_deleted(source, doubling, tmp_path):
    destination = tmp_path / "out"
    output = {"extra_filename": "model.tflite", "include_saved_model": True}
    rewrite_saved_model(source, destination, {"output": output})
    assert {"assets", "model.tflite", "saved_model.pb", "variables"} < set(_names(destination))
    (destination / "notes.txt").write_text("mine")
    rewrite_saved_model(doubling, destination)
    assert _names(destination) == sorted([*_RESULTS, "notes.txt"])


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"files": 3}', '{"files": ["", "..", "../notes.txt", "/notes.txt", 3]}', "\xff"],
)
def test_report_of_another_program_does_not_cause_deletions(content, doubling, tmp_path):
    destination = tmp_path / "out"
    destination.mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    (destination / "report.json").write_text(content)
    rewrite_saved_model(doubling, destination)
    assert _names(destination) == _RESULTS
    assert _names(tmp_path) == ["notes.txt", "out"]


def test_source_may_be_in_the_destination_as_in_a_trainer(doubling, tmp_path):
    shutil.copytree(doubling, tmp_path / "out" / "temp")
    rewrite_saved_model(tmp_path / "out" / "temp", tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "temp")
    np.testing.assert_array_equal(_run(tmp_path / "out", x=_ROWS)["y"], 2 * _ROWS)
    assert _names(tmp_path / "out") == _RESULTS


def test_both_models_may_be_in_the_destination(source, tmp_path):
    config = "output { include_saved_model: true }"
    rewrite_saved_model(source, tmp_path / "out", config)
    # its files, and no folder of an earlier model's head
    rewrite_saved_model(tmp_path / "out", tmp_path / "again", config)
    of_source = ["assets", "fingerprint.pb", "saved_model.pb", "variables"]
    expected = sorted([*_RESULTS, *of_source])
    assert _names(tmp_path / "out") == _names(tmp_path / "again") == expected
    found = load_signature(tmp_path / "out", "serving_default")(tf.constant(small_examples()))
    scored = Scorer(str(tmp_path / "again")).score(small_examples())["score"]
    np.testing.assert_allclose(scored, found["score"].numpy(), rtol=1e-5)


def test_head_of_another_model_is_not_copied(doubling, tmp_path):
    source = shutil.copytree(doubling, tmp_path / "source")
    (source / "head").mkdir()
    (source / "head" / "stale").touch()
    spec = tf.TensorSpec([None], tf.complex64, "x")
    # no tf.Example can hold a complex number, so that there is no head of its own
    shutil.rmtree(source / "variables")
    save(source, lambda x: {"y": tf.math.real(x)}, spec)
    rewrite_saved_model(source, tmp_path / "out", "output { include_saved_model: true }")
    assert not (tmp_path / "out" / "head").exists()


@pytest.mark.parametrize("there_before", [False, True], ids=["missing", "empty"])
def test_new_destination_appears_in_one_step(there_before, doubling, tmp_path, monkeypatch):
    destination = tmp_path / "out"
    if there_before:
        destination.mkdir()
    seen = []
    written = rewrite.write_report

    def write_report(report, folder, prefix):
        written(report, folder, prefix)
        seen.append(_names(destination) if destination.exists() else None)
        assert _names(folder) == _RESULTS

    monkeypatch.setattr(rewrite, "write_report", write_report)
    rewrite_saved_model(doubling, destination)
    assert seen == [[] if there_before else None]
    assert _names(destination) == _RESULTS
    assert _names(tmp_path) == ["out"]


def test_source_and_destination_may_be_remote(doubling, tmp_path):
    uri = "ram://standalone"
    for path in doubling.rglob("*"):
        if path.is_file():
            target = f"{uri}/model/{path.relative_to(doubling)}"
            fileio.makedirs(target.rpartition("/")[0])
            fileio.copy(str(path), target)
    rewrite_saved_model(f"{uri}/model", f"{uri}/out")
    found = Scorer(f"{uri}/out").score([example(x=[1.0, -3.0])])["y"]
    np.testing.assert_array_equal(found, [[2, -6]])
    fileio.rmtree(uri)


# --- what is refused


@pytest.mark.parametrize("inside", ["", "/", "/out", "/../model"])
def test_destination_in_the_source_is_refused(inside, doubling):
    before = sorted(doubling.rglob("*"))
    with pytest.raises(ConfigError, match="the SavedModel's own folder") as raised:
        rewrite_saved_model(doubling, f"{doubling}{inside}")
    assert "include_saved_model" in str(raised.value)
    assert sorted(doubling.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("head", {}),
        ("assets", {}),
        ("tflite", {}),
        ("report.json", {}),
        ("model.tflite", {"extra_filename": "model.tflite"}),
        ("variables", {"include_saved_model": True}),
    ],
)
def test_source_that_the_results_would_replace_is_refused(name, output, doubling, tmp_path):
    source = shutil.copytree(doubling, tmp_path / "out" / name)
    with pytest.raises(ConfigError, match=f"is in the destination as '{name}'"):
        rewrite_saved_model(source, tmp_path / "out", {"output": output})
    assert (source / "saved_model.pb").exists()


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        pytest.param("batch: 2", ConfigError, "batch", id="config"),
        pytest.param({"signature_key": "other"}, SourceModelError, "'other'", id="signature"),
        pytest.param(
            {"quantization": {"mode": "FULL_INTEGER"}},
            ConfigError,
            "Name the files",
            id="calibration without examples",
        ),
        pytest.param(
            {"quantization": {"mode": "FLOAT16"}, "verification": {"max_abs_error": 0}},
            VerificationError,
            "'score'.*differs by",
            id="verification",
        ),
    ],
)
def test_nothing_changes_when_something_is_refused(config, error, words, source, tmp_path):
    destination = tmp_path / "out"
    destination.mkdir()
    (destination / "tflite").write_text("an older one")
    with pytest.raises(error, match=words):
        rewrite_saved_model(source, destination, config)
    rejected = ["rejected-out"] if error is VerificationError else []
    assert _names(tmp_path) == ["out", *rejected]
    assert _names(destination) == ["tflite"]
    assert (destination / "tflite").read_text() == "an older one"


@pytest.mark.parametrize("field", ["calibration", "verification"])
def test_splits_have_no_effect_on_files_and_are_refused(field, source, records, tmp_path):
    config = {field: {"splits": ["test"]}, "quantization": {"mode": "FULL_INTEGER"}}
    with pytest.raises(ConfigError, match=rf"{field}.splits: 'test' has no effect outside"):
        rewrite_saved_model(source, tmp_path / "out", config, records / "plain.tfrecord")


# --- config and examples


@pytest.mark.parametrize(
    "config",
    [
        {"batch_size": 3},
        '{"batch_size": 3}',
        "batch_size: 3",
        given_config("batch_size: 3"),
    ],
    ids=["mapping", "JSON", "text", "message"],
)
def test_config_has_the_forms_that_the_component_takes(config, doubling, tmp_path):
    report = rewrite_saved_model(doubling, tmp_path / "out", config)
    assert report["inputs"]["x"]["shape"] == [3, 2]


@pytest.mark.parametrize(
    ("patterns", "count"),
    [
        pytest.param("plain.tfrecord", 5, id="a file"),
        pytest.param("packed.tfrecord.gz", 5, id="compressed"),
        pytest.param("*.tfrecord*", 10, id="a pattern"),
        pytest.param(["plain.*", "packed.*"], 10, id="patterns"),
    ],
)
@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_examples_are_files_by_pattern(kind, patterns, count, records, source, small_tflite):
    files = (
        [kind(records / pattern) for pattern in patterns]
        if isinstance(patterns, list)
        else kind(records / patterns)
    )
    report = compare_models(source, small_tflite, files)
    assert report["verification"]["num_examples"] == count


@pytest.mark.parametrize("files", ["nothing*", [], ["nothing*", "neither"]])
def test_examples_that_match_no_file_are_refused(files, source, tmp_path):
    with pytest.raises(ExamplesError, match="matches no file"):
        rewrite_saved_model(source, tmp_path / "out", examples=files)


def test_integer_model_is_calibrated_on_files(source, records, tmp_path):
    config = {
        "quantization": {"mode": "FULL_INTEGER", "allow_float_fallback": True},
        # a handful of examples makes a poor calibration
        "verification": {"on_failure": "WARN"},
    }
    report = rewrite_saved_model(source, tmp_path / "out", config, records / "plain.tfrecord")
    # one set of five is divided: no example is used for both
    assert report["calibration"]["num_examples"] == 3
    assert report["verification"]["num_examples"] == 2
    assert -1.0 <= report["calibration"]["ranges"]["size"]["min"] < 2.0
    assert any(op["computes_in"] == "integer" for op in report["model"]["ops"])


# --- Keras models


def _layers(k, **names):
    return {name: k.Input(shape, name=name) for name, shape in names.items()}


def _several(k):
    inputs = _layers(k, right=[3], left=[2])
    joined = k.layers.Concatenate()([inputs["left"], inputs["right"]])
    return k.Model(
        inputs, {"b": k.layers.Dense(2)(joined), "a": k.layers.Dense(1)(inputs["right"])}
    )


def _listed(k):
    inputs = _layers(k, right=[3], left=[2])
    return k.Model(
        [inputs["right"], inputs["left"]],
        [k.layers.Dense(1)(inputs["right"]), k.layers.Dense(2)(inputs["left"])],
    )


def _words(k):
    word, number = k.Input([1], dtype="string", name="word"), k.Input([1], dtype="int32", name="n")
    found = k.layers.StringLookup(vocabulary=["alpha", "beta"])(word)
    return k.Model(
        {"word": word, "n": number},
        {"row": k.layers.Embedding(3, 4)(found), "of_n": k.layers.Embedding(10, 2)(number)},
    )


_FLOATS = {
    "left": np.linspace(-1, 1, 4, dtype=np.float32).reshape(2, 2),
    "right": np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3),
}
_WORDS = {
    "word": np.array([[b"beta"], [b"unknown"], [b"alpha"]], object),
    "n": np.array([[3], [0], [9]], np.int32),
}


@both_generations
@pytest.mark.parametrize(
    ("build", "inputs"),
    [
        pytest.param(_several, _FLOATS, id="dicts"),
        pytest.param(_words, _WORDS, id="words and integers"),
    ],
)
def test_functional_model_keeps_its_names_and_numbers(k, build, inputs, tmp_path):
    model = build(k)
    rewrite_keras_model(model, tmp_path / "out")
    expected = model({name: tf.constant(array) for name, array in inputs.items()})
    found = _run(tmp_path / "out", **inputs)
    assert sorted(found) == sorted(expected)
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name], tensor.numpy(), atol=1e-6)


@both_generations
def test_outputs_in_a_list_are_numbered(k, tmp_path):
    model = _listed(k)
    rewrite_keras_model(model, tmp_path / "out")
    first, second = model([_FLOATS["right"], _FLOATS["left"]])
    found = _run(tmp_path / "out", **_FLOATS)
    np.testing.assert_allclose(found["output_0"], first.numpy(), atol=1e-6)
    np.testing.assert_allclose(found["output_1"], second.numpy(), atol=1e-6)


@pytest.mark.slow
@both_generations
def test_sequential_model_with_recurrent_layers_converts_with_a_fixed_batch_size(k, tmp_path):
    model = k.Sequential([k.Input([5, 2], name="steps"), k.layers.LSTM(4), k.layers.Dense(1)])
    report = rewrite_keras_model(model, tmp_path / "out", {"batch_size": 1})
    assert report["model"]["op_set"] == "BUILTIN"
    steps = np.linspace(-1, 1, 10, dtype=np.float32).reshape(1, 5, 2)
    found = _run(tmp_path / "out", steps=steps)["output_0"]
    np.testing.assert_allclose(found, model(steps).numpy(), atol=1e-6)


@both_generations
def test_subclassed_model_converts_when_it_was_called(k, tmp_path):
    class Summing(k.Model):
        def __init__(self):
            super().__init__()
            self.dense = k.layers.Dense(2)

        # not a matter here, and it takes seconds for tf_keras
        @tf.autograph.experimental.do_not_convert
        def call(self, x, training=None):
            return {"sums": self.dense(x)}

    model = Summing()
    with pytest.raises(SourceModelError, match=r"cannot export the Summing.*call it on data"):
        rewrite_keras_model(model, tmp_path / "out")
    expected = model(_ROWS)["sums"].numpy()
    report = rewrite_keras_model(model, tmp_path / "out")
    (name,) = report["inputs"]
    np.testing.assert_allclose(_run(tmp_path / "out", **{name: _ROWS})["sums"], expected, atol=1e-6)


@pytest.mark.parametrize("model", ["model.keras", None], ids=["path", "None"])
def test_object_other_than_a_keras_model_is_refused(model, tmp_path):
    with pytest.raises(SourceModelError, match=f"cannot export the {type(model).__name__}"):
        rewrite_keras_model(model, tmp_path / "out")
    assert _names(tmp_path) == []


@both_generations
def test_keras_output_is_silenced_only_during_the_conversion(k, tmp_path, capfd):
    model = k.Sequential([k.Input([2], name="x"), k.layers.Dense(2)])
    rewrite_keras_model(model, tmp_path / "out")
    assert capfd.readouterr().out == ""
    assert k.utils.is_interactive_logging_enabled()


def test_keras_model_is_calibrated_and_compared_on_examples_by_its_inputs(tmp_path):
    model = keras.Sequential([keras.Input([2], name="x"), keras.layers.Dense(16)])
    rows = np.random.default_rng(0).uniform(-2, 2, [200, 2])
    files = _write(tmp_path / "rows.tfrecord", [example(x=row.tolist()) for row in rows])
    config = {"quantization": {"mode": "FULL_INTEGER"}, "verification": {"on_failure": "WARN"}}
    report = rewrite_keras_model(model, tmp_path / "out", config, files)
    counts = [report[sample]["num_examples"] for sample in ("calibration", "verification")]
    assert sum(counts) == len(rows)
    assert 1.5 < report["calibration"]["ranges"]["x"]["max"] <= 2.0
    assert report["verification"]["outputs"]["output_0"]["sqnr_db"] > 30


# --- concrete functions


def _function(compute, *specs):
    return tf.function(compute, input_signature=specs, autograph=False).get_concrete_function()


def test_concrete_function_with_variables_converts(tmp_path):
    factor = tf.Variable(3.0)
    report = rewrite_concrete_function(_function(lambda x: {"y": x * factor}, _X), tmp_path / "out")
    assert report["boundary"] == "SIGNATURE"
    np.testing.assert_allclose(_run(tmp_path / "out", x=_ROWS)["y"], 3 * _ROWS)


@pytest.mark.parametrize("held", ["table", "module"])
def test_concrete_function_with_a_table_needs_trackable(held, tmp_path):
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([10, 20], tf.int64)), -1
    )
    shift = tf.Variable(1, dtype=tf.int64)
    spec = tf.TensorSpec([None], tf.string, "word")
    function = _function(lambda word: {"found": module.table.lookup(word) + shift}, spec)
    with pytest.raises(SourceModelError, match="`trackable`"):
        rewrite_concrete_function(function, tmp_path / "out")
    trackable = {"table": module.table, "module": module}[held]
    rewrite_concrete_function(function, tmp_path / "out", trackable=trackable)
    found = _run(tmp_path / "out", word=np.array([b"b", b"c", b"a"], object))["found"]
    assert found.tolist() == [21, 0, 11]


@pytest.mark.parametrize(
    ("compute", "names"),
    [
        pytest.param(lambda x: 2 * x, ["output_0"], id="a tensor"),
        pytest.param(lambda x: (2 * x, 2 * x + 0), ["output_0", "output_1"], id="a tuple"),
    ],
)
def test_outputs_without_names_are_numbered(compute, names, tmp_path):
    rewrite_concrete_function(_function(compute, _X), tmp_path / "out")
    found = _run(tmp_path / "out", x=_ROWS)
    assert sorted(found) == names
    for array in found.values():
        np.testing.assert_array_equal(array, 2 * _ROWS)


@pytest.mark.parametrize(
    "function",
    [lambda x: x, tf.function(lambda x: {"y": x}), None, keras.layers.ReLU()],
    ids=["Python", "not traced", "None", "layer"],
)
def test_object_other_than_a_concrete_function_is_refused(function, tmp_path):
    with pytest.raises(SourceModelError, match=r"cannot save.*get_concrete_function"):
        rewrite_concrete_function(function, tmp_path / "out")
    assert _names(tmp_path) == []


def test_signature_key_of_a_concrete_function_is_refused(tmp_path):
    function = _function(lambda x: {"y": x}, _X)
    with pytest.raises(ConfigError, match="signature_key has no effect"):
        rewrite_concrete_function(function, tmp_path / "out", {"signature_key": "predict"})


def test_concrete_function_that_parses_examples_is_split(tmp_path):
    features = {"size": tf.io.FixedLenFeature([2], tf.float32)}
    function = _function(
        lambda examples: {"y": 2 * tf.io.parse_example(examples, features)["size"]},
        tf.TensorSpec([None], tf.string, "examples"),
    )
    report = rewrite_concrete_function(function, tmp_path / "out")
    assert (report["boundary"], list(report["inputs"])) == ("RAW_FEATURES", ["size"])


# --- comparing


def test_model_that_agrees_has_no_failures(source, small_tflite, records):
    comparison = compare_models(source, small_tflite, records / "plain.tfrecord")
    assert comparison["boundary"] == "RAW_FEATURES"
    assert comparison["failures"] == []
    assert comparison["verification"]["outputs"]["score"]["max_abs_error"] < 1e-4


def test_conversion_config_is_accepted_without_calibration(source, small_tflite, records, caplog):
    config = {
        "quantization": {"mode": "FULL_INTEGER"},
        "calibration": {"num_examples": 7},
        "verification": {"num_examples": 3},
    }
    comparison = compare_models(source, small_tflite, records / "plain.tfrecord", config)
    assert comparison["verification"]["num_examples"] == 3
    assert caplog.messages == []


def test_models_with_several_signatures_are_compared_by_name(tmp_path):
    spec = tf.TensorSpec([None, 2], tf.float32, "x")
    functions = {"double": lambda x: {"y": 2 * x}, "serving_default": lambda x: {"y": 3 * x}}
    source = save_each(tmp_path / "model", functions, spec)
    model = tmp_path / "model.tflite"
    model.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(source)).convert())
    for key in functions:
        for other in (source, model):
            assert compare_models(other, model, config={"signature_key": key})["failures"] == []
    with pytest.raises(ModelFileError, match="'double', 'serving_default'"):
        compare_models(source, model, config={"signature_key": "triple"})
    with pytest.raises(ConfigError, match="signature_keys"):
        compare_models(source, model, config={"signature_keys": ["double"]})


def test_model_of_other_weights_fails(source, small_tflite, records, tmp_path):
    features = {
        "size": tf.io.FixedLenFeature([2], tf.float32),
        "word": tf.io.FixedLenFeature([], tf.string, default_value=""),
    }
    other = save_parsing(
        tmp_path / "other",
        features,
        lambda parsed: {
            "score": parsed["size"][:, 0] + tf.cast(parsed["word"] == "alpha", tf.float32)
        },
    )
    comparison = compare_models(other, small_tflite, records / "plain.tfrecord")
    (failure,) = comparison["failures"]
    assert failure.startswith("output 'score' (float32): differs by")


def test_model_with_other_inputs_is_refused_by_their_names(doubling, small_tflite, tmp_path):
    rows = _write(tmp_path / "rows.tfrecord", [example(x=[1.0, 2.0])])
    with pytest.raises(
        VerificationError, match=r"takes 'size' \(float32\), 'word' \(string\), which.*takes 'x'"
    ):
        compare_models(doubling, small_tflite, rows)


def test_splits_have_no_effect_on_a_comparison_and_are_refused(source, small_tflite, records):
    config = {"verification": {"splits": ["test"]}}
    with pytest.raises(ConfigError, match=r"verification.splits: 'test' has no effect"):
        compare_models(source, small_tflite, records / "plain.tfrecord", config)
