"""Keras models in files, of both generations of Keras."""

import pathlib
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras_file import edit, edit_weights
from models import save
from workers import WorkerInProcess

from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.keras_files.load import load_keras_file
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.rewrite import rewrite_keras_file
from tfx_tflite_component.tflite.interpreter import TFLiteModel

_ROWS = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)

pytestmark = [
    pytest.mark.all_rows,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
    pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`"),
]
both_generations = pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras", "tf_keras"])
both_formats = pytest.mark.parametrize("suffix", [".keras", ".h5"])


@pytest.fixture(autouse=True)
def _in_process(monkeypatch):
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)


def _network(k, *layers):
    layers = layers or (k.layers.Dense(3, activation="relu"), k.layers.Dense(2, name="last"))
    return k.Sequential([k.Input([4], name="x"), *layers])


def _saved(model, path):
    model.save(str(path))
    return path


def _holding(model):
    module = tf.Module()
    module.variables_of_model = model.variables
    return module


def _run(model):
    model(_ROWS)
    return model


def _evil(folder):
    """A function that leaves a trace when it is run."""
    return lambda x: (open(f"{folder}/trace", "w").close(), x * 2)[1]


# --- the SavedModel to convert


@both_generations
@both_formats
def test_loaded_model_computes_what_the_saved_one_did(k, suffix, tmp_path):
    model = _network(k)
    loaded = load_keras_file(_saved(model, tmp_path / f"model{suffix}"))
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded(_ROWS).numpy(), model(_ROWS).numpy())


def test_file_of_early_keras_2_is_loaded(tmp_path):
    model = _network(tf_keras)
    path = _saved(model, tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        # as bytes, which h5py took for strings then
        for name in ("keras_version", "model_config"):
            file.attrs[name] = np.bytes_(file.attrs[name])
    np.testing.assert_array_equal(load_keras_file(path)(_ROWS).numpy(), model(_ROWS).numpy())


def test_file_becomes_a_tflite_model(tmp_path):
    model = _network(tf_keras)
    path = _saved(model, tmp_path / "model.h5")
    report = rewrite_keras_file(path, tmp_path / "out", {"batch_size": 1})
    assert report["boundary"] == "SIGNATURE"
    (found,) = TFLiteModel(tmp_path / "out" / "tflite")({"x": _ROWS[:1]}).values()
    np.testing.assert_allclose(found, model(_ROWS[:1]).numpy(), atol=1e-6)


def test_folder_of_a_saved_model_becomes_a_tflite_model(tmp_path):
    model = _network(tf_keras)
    # not by `model.save`, whose tracing takes many seconds
    module = tf.Module()
    module.held = model.variables
    spec = tf.TensorSpec([None, 4], name="x")
    save(tmp_path / "folder", lambda x: {"y": model(x)}, spec, module=module)
    rewrite_keras_file(tmp_path / "folder", tmp_path / "out")
    found = TFLiteModel(tmp_path / "out" / "tflite")({"x": _ROWS})["y"]
    np.testing.assert_allclose(found, model(_ROWS).numpy(), atol=1e-6)


@both_generations
@both_formats
def test_custom_loss_is_not_needed(k, suffix, tmp_path):
    model = _network(k)
    model.compile(loss=lambda expected, found: found)
    loaded = load_keras_file(_saved(model, tmp_path / f"model{suffix}"))
    np.testing.assert_array_equal(loaded(_ROWS).numpy(), model(_ROWS).numpy())


@both_generations
@both_formats
def test_registered_layer_is_loaded(k, suffix, tmp_path):
    class Twice(k.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    with k.saving.custom_object_scope({"tests>Twice": Twice, "Twice": Twice}):
        path = _saved(_network(k, Twice()), tmp_path / f"model{suffix}")
        _give_class(path, "Twice", registered_name="tests>Twice")
        np.testing.assert_array_equal(load_keras_file(path)(_ROWS).numpy(), 2 * _ROWS)


# --- what is refused: code


@both_generations
@both_formats
def test_code_of_a_lambda_layer_is_not_run(k, suffix, tmp_path):
    layer = k.layers.Lambda(_evil(str(tmp_path)), name="sneaky")
    path = _saved(_run(_network(k, layer)), tmp_path / f"model{suffix}")
    (tmp_path / "trace").unlink()
    with pytest.raises(SourceModelError, match="Python code, in the Lambda layer 'sneaky'"):
        load_keras_file(path)
    assert not (tmp_path / "trace").exists()


@both_generations
@both_formats
def test_code_of_an_activation_is_not_run(k, suffix, tmp_path):
    layer = k.layers.Dense(2, activation=_evil(str(tmp_path)))
    path = _saved(_run(_network(k, layer)), tmp_path / f"model{suffix}")
    (tmp_path / "trace").unlink()
    with pytest.raises(SourceModelError, match=r"activation|lambda|config format"):
        load_keras_file(path)
    assert not (tmp_path / "trace").exists()


_FOREIGN = {
    "layer": {"module": "sneaky", "class_name": "Layer", "config": {}},
    "activation": {"module": "sneaky", "class_name": "function", "config": "relu"},
    "function of Python": {"module": "builtins", "class_name": "function", "config": "print"},
    "lambda": {"class_name": "__lambda__", "config": {"code": "4wEAAA=="}},
    # what downloads a file, and what reads one
    "function of Keras": {"module": "keras.utils", "class_name": "function", "config": "get_file"},
    "class of Keras": {"module": "keras.utils", "class_name": "SequenceEnqueuer", "config": {}},
    "no name": {"class_name": ["Dense"], "registered_name": ["Dense"], "config": {}},
}


@both_generations
@both_formats
@pytest.mark.parametrize("entry", _FOREIGN.values(), ids=_FOREIGN.keys())
def test_nothing_that_a_file_names_is_imported_or_called(
    k, suffix, entry, tmp_path, monkeypatch, capsys
):
    (tmp_path / "sneaky.py").write_text("print('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = _saved(_network(k), tmp_path / f"model{suffix}")
    edit(path, lambda config: config["config"]["layers"][1]["config"].update(activation=entry))
    with pytest.raises(SourceModelError, match=r"of the module|Python code"):
        load_keras_file(path)
    assert "sneaky" not in sys.modules
    assert capsys.readouterr().out == ""


@pytest.fixture
def calling():
    """A model of Keras 2 that calls functions of TensorFlow."""
    x = tf_keras.Input([4], name="x")
    return tf_keras.Model(x, tf.nn.relu(x)[:, :2] * 2.0 + tf.cast(1, tf.float32))


@both_formats
def test_calls_of_tensorflow_that_compute_are_loaded(suffix, calling, tmp_path):
    loaded = load_keras_file(_saved(calling, tmp_path / f"model{suffix}"))
    np.testing.assert_array_equal(loaded(_ROWS), calling(_ROWS))


@both_formats
@pytest.mark.parametrize("function", ["io.write_file", "py_function", "io.gfile.rmtree", None])
def test_calls_of_tensorflow_that_may_do_more_are_refused(suffix, function, calling, tmp_path):
    def call_another(config):
        for layer in config["config"]["layers"]:
            if layer["config"].get("function") == "nn.relu":
                layer["config"]["function"] = function

    path = _saved(calling, tmp_path / f"model{suffix}")
    edit(path, call_another)
    with pytest.raises(
        SourceModelError, match=rf"'{function}', in the TFOpLambda layer .* might do more"
    ):
        load_keras_file(path)


@both_formats
@pytest.mark.parametrize("wrapper", ["ResidualWrapper", "DropoutWrapper"])
def test_code_of_a_wrapper_of_keras_2_that_is_not_public_is_not_run(suffix, wrapper, tmp_path):
    cells = tf_keras.layers.RNN([tf_keras.layers.SimpleRNNCell(4)])
    path = _saved(tf_keras.Sequential([tf_keras.Input([3, 4]), cells]), tmp_path / f"m{suffix}")

    def wrap(config):
        config["config"]["layers"][1]["config"]["cell"] = {
            "class_name": wrapper,
            "config": {"residual_fn": "4wEAAA==", "residual_fn_type": "lambda"},
        }

    edit(path, wrap)
    with pytest.raises(SourceModelError, match=f"'{wrapper}'.* neither public in Keras nor"):
        load_keras_file(path)


def test_feature_column_that_reads_a_file_of_this_machine_is_refused(tmp_path):
    (tmp_path / "words").write_text("secret\n")
    words = tf.feature_column.categorical_column_with_vocabulary_file(
        "word", str(tmp_path / "words")
    )
    layer = tf_keras.layers.DenseFeatures([tf.feature_column.indicator_column(words)])
    inputs = {"word": tf_keras.Input([1], dtype=tf.string, name="word")}
    path = _saved(tf_keras.Model(inputs, layer(inputs)), tmp_path / "model.keras")
    with pytest.raises(SourceModelError, match=r"'(IndicatorColumn|VocabularyFile\w+)'"):
        load_keras_file(path)


@both_generations
@both_formats
@pytest.mark.parametrize("kind", ["external", "virtual", "external link", "soft link"])
def test_weights_in_another_file_are_not_read(k, suffix, kind, tmp_path):
    path = _saved(_network(k), tmp_path / f"model{suffix}")
    (tmp_path / "secret").write_bytes(b"secret")
    edit_weights(path, lambda weights: _add_from_elsewhere(weights, kind, tmp_path / "secret"))
    with pytest.raises(SourceModelError, match=r"has 'added' of '/.*' in another place"):
        load_keras_file(path)


def _add_from_elsewhere(weights, kind, secret):
    if kind == "external":
        weights.create_dataset("added", (6,), np.uint8, external=[(str(secret), 0, 6)])
    elif kind == "virtual":
        layout = h5py.VirtualLayout((6,), np.uint8)
        layout[:] = h5py.VirtualSource(str(secret), "data", (6,))
        weights.create_virtual_dataset("added", layout)
    elif kind == "external link":
        weights["added"] = h5py.ExternalLink(str(secret), "/data")
    else:
        weights["added"] = h5py.SoftLink("/elsewhere")


@both_generations
@both_formats
def test_vocabulary_of_a_file_of_this_machine_is_refused(k, suffix, tmp_path):
    lookup = k.layers.IntegerLookup(vocabulary=[1, 2, 3, 4])
    path = _saved(k.Sequential([k.Input([4], dtype="int64"), lookup]), tmp_path / f"m{suffix}")
    edit(path, lambda c: c["config"]["layers"][1]["config"].update(vocabulary="/etc/passwd"))
    with pytest.raises(SourceModelError, match="a file of this machine, '/etc/passwd'"):
        load_keras_file(path)


@both_generations
def test_training_config_is_not_imported(k, tmp_path, monkeypatch):
    (tmp_path / "sneaky.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    path = _saved(_network(k), tmp_path / "model.keras")
    loss = {"module": "sneaky", "class_name": "Loss", "config": {}, "registered_name": "Loss"}
    edit(path, lambda config: config.update(compile_config={"loss": loss}))
    load_keras_file(path)
    assert "sneaky" not in sys.modules


# --- what is refused: other things


@both_generations
@both_formats
def test_layer_that_is_not_registered_is_named_with_the_remedy(k, suffix, tmp_path):
    class Twice(k.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    path = _saved(_network(k, Twice()), tmp_path / f"model{suffix}")
    with pytest.raises(SourceModelError) as raised:
        load_keras_file(path)
    message = str(raised.value)
    register = f"@{k.__name__}.saving.register_keras_serializable"
    words = [str(path), "'Twice'", register, "rewrite_keras_model", "SavedModel"]
    assert [word for word in words if word not in message] == []
    assert len(message) < 1000


def _truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _without_a_member(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0.0"}')


def _without_weights(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in ("metadata.json", "config.json")}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _with_weights_alone(path):
    with h5py.File(path, "w") as file:
        file["weights"] = [1.0]


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        pytest.param("model.keras", pathlib.Path.unlink, "There is no Keras model", id="missing"),
        pytest.param("model.keras", lambda path: path.write_bytes(b""), "damaged", id="empty"),
        pytest.param("model.h5", lambda path: path.write_bytes(b""), "damaged", id="empty h5"),
        pytest.param("model.h5", lambda path: path.write_text("hello"), "damaged", id="text"),
        pytest.param("model.keras", _truncated, "damaged", id="truncated"),
        pytest.param("model.h5", _truncated, "damaged|cannot load", id="truncated h5"),
        pytest.param("model.keras", _without_a_member, "config.json", id="other archive"),
        pytest.param("model.keras", _without_weights, "cannot load", id="no weights"),
        pytest.param("model.h5", _with_weights_alone, "only weights", id="only weights"),
        pytest.param(
            "model.h5", lambda path: path.rename(path.with_suffix(".tflite")), "no Keras", id="gone"
        ),
    ],
)
def test_damaged_file_is_refused_with_a_message(name, damage, words, tmp_path):
    path = _saved(_network(keras), tmp_path / name)
    damage(path)
    with pytest.raises(SourceModelError, match=words) as raised:
        load_keras_file(path)
    assert str(path) in str(raised.value)


def test_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    with pytest.raises(SourceModelError, match=r"ends in '.onnx', expected one of .keras, .h5"):
        load_keras_file(tmp_path / "model.onnx")


@pytest.mark.parametrize("version", ["", "7.0.1"])
def test_version_that_is_unknown_is_refused(version, tmp_path):
    path = _saved(_network(keras), tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = version
    with pytest.raises(SourceModelError, match=f"saved by Keras '{version}'.*SavedModel"):
        load_keras_file(path)


def test_missing_tf_keras_is_reported(tmp_path, monkeypatch):
    path = _saved(_network(tf_keras), tmp_path / "model.keras")
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    with pytest.raises(SourceModelError, match=r"saved by Keras 2.*Install tf_keras"):
        load_keras_file(path)


def _give_class(path, class_name, **fields):
    def change(config):
        for layer in config["config"]["layers"]:
            if layer["class_name"] == class_name:
                layer.update(fields)

    edit(path, change)
