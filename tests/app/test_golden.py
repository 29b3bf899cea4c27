"""Golden vectors catch an app that prepares its inputs in another way than in training."""

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rides
import tensorflow as tf
from models import example, save, save_parsing
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component.app.check import difference, output_mismatches
from tfx_tflite_component.app.golden import (
    Golden,
    GoldenVector,
    read_golden,
    to_array,
    to_golden,
    value_from_json,
)
from tfx_tflite_component.errors import ConfigError, ExamplesError
from tfx_tflite_component.standalone import golden as standalone_golden
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.cli import main
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model
from tfx_tflite_component.tflite.interpreter import TFLiteModel

pytestmark = OF_NO_VERSION

_VECTORS = 32
_TRANSFORMED = "input_boundary: TRANSFORMED_FEATURES"

Features = dict[str, Any]
Preprocess = Callable[[Features], Features]


@dataclasses.dataclass(frozen=True)
class App:
    """The rides model in an app, and the golden vectors that came with it."""

    golden: Golden
    model: TFLiteModel

    def passes(self, preprocess: Preprocess) -> bool:
        """Whether the outputs are those of the vectors, with this preprocessing."""
        return not any(list(self._mismatches(v, preprocess)) for v in self.golden.vectors)

    def _mismatches(self, vector: GoldenVector, preprocess: Preprocess) -> list[Any]:
        inputs = as_inputs(preprocess(raw(vector)), self.model)
        return list(output_mismatches(vector, self.model(inputs)))


def raw(vector: GoldenVector) -> Features:
    """The features of a vector; defaults where they are missing."""
    found: dict[str, Any] = {}
    for name, spec in rides.FEATURES.items():
        values = [value_from_json(v, spec.dtype.name) for v in vector.example.get(name, ())]
        if name == "zones":
            found[name] = np.array(values, np.float32).reshape(2, 3)
        else:
            found[name] = values[0] if values else rides.default(name)
    return found


def right(features: Features) -> Features:
    """What TF Transform does, in an app's own words."""
    return {
        "miles_xf": (features["miles"] - rides.MILES[0]) / rides.MILES[1],
        "fare_xf": (features["fare"] - rides.FARE[0]) / rides.FARE[1],
        "seconds_xf": (features["seconds"] - rides.SECONDS[0]) / rides.SECONDS[1],
        "latitude_xf": rides.bucket(rides.LATITUDES, features["latitude"]),
        "longitude_xf": rides.bucket(rides.LONGITUDES, features["longitude"]),
        "company_xf": rides.index(rides.COMPANIES, features["company"]),
        "payment_xf": rides.index(rides.PAYMENTS, features["payment"]),
        "hour_xf": features["hour"],
        "zones_xf": features["zones"] / 255.0,
    }


def as_inputs(prepared: Features, model: TFLiteModel) -> dict[str, np.ndarray]:
    """A batch of one."""
    return {name: np.array([prepared[name]], d.dtype) for name, d in model.inputs.items()}


def changed(name: str, compute: Callable[[Features], Any]) -> Preprocess:
    """The right preprocessing, but for one input."""
    return lambda features: {**right(features), name: compute(features)}


def before(change: Callable[[Features], Features]) -> Preprocess:
    """The right preprocessing of features that were changed."""
    return lambda features: right({**features, **change(features)})


def exchanged(first: str, second: str) -> Preprocess:
    """The right preprocessing of features that were mixed up."""
    return before(lambda f: {first: f[second], second: f[first]})


_WRONG: dict[str, Preprocess] = {
    "not scaled": changed("miles_xf", lambda f: f["miles"]),
    "divided by the variance": changed(
        "fare_xf", lambda f: (f["fare"] - rides.FARE[0]) / rides.FARE[1] ** 2
    ),
    "minutes for seconds": before(lambda f: {"seconds": f["seconds"] / 60}),
    "scaled twice": changed("zones_xf", lambda f: f["zones"] / 255.0 / 255.0),
    "transposed": before(lambda f: {"zones": f["zones"].T.reshape(2, 3)}),
    "rows reversed": before(lambda f: {"zones": f["zones"][::-1]}),
    "miles for fare": exchanged("miles", "fare"),
    "latitude for longitude": exchanged("latitude", "longitude"),
    "words in lower case": before(lambda f: {"company": f["company"].lower()}),
    "words counted from 1": changed(
        "company_xf", lambda f: min(right(f)["company_xf"] + 1, len(rides.COMPANIES))
    ),
    "unknown words as the first": changed(
        "payment_xf", lambda f: right(f)["payment_xf"] % len(rides.PAYMENTS)
    ),
    "buckets counted from 1": changed("latitude_xf", lambda f: right(f)["latitude_xf"] + 1),
    "last boundary lacking": changed(
        "longitude_xf", lambda f: rides.bucket(rides.LONGITUDES[:-1], f["longitude"])
    ),
    "missing numbers as -1": before(
        lambda f: {"miles": -1.0 if f["miles"] == rides.default("miles") else f["miles"]}
    ),
    "missing words as empty": before(
        lambda f: {"payment": b"" if f["payment"] == rides.default("payment") else f["payment"]}
    ),
    "hours of a clock": before(lambda f: {"hour": f["hour"] % 12}),
}


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The rides model."""
    return rides.save_rides(tmp_path_factory.mktemp("rides") / "model")


@pytest.fixture(scope="module")
def folder(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What a conversion at TRANSFORMED_FEATURES wrote."""
    folder = tmp_path_factory.mktemp("golden")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        config = f"app {{ golden_vectors: {_VECTORS} }} {_TRANSFORMED}"
        rewrite_saved_model(source, folder / "rides.tflite", config)
    return folder


@pytest.fixture(scope="module")
def app(folder: pathlib.Path) -> App:
    """The app."""
    golden = read_golden(folder / "rides.golden.json")
    return App(golden, TFLiteModel(folder / "rides.tflite"))


def test_right_preprocessing_passes(app: App) -> None:
    assert len(app.golden.vectors) == _VECTORS
    assert app.passes(right)


@pytest.mark.parametrize("mistake", _WRONG)
def test_wrong_preprocessing_is_caught_by_the_outputs(app: App, mistake: str) -> None:
    assert not app.passes(_WRONG[mistake])


@pytest.mark.parametrize("word", rides.COMPANIES, ids=bytes.decode)
def test_word_that_the_vocabulary_of_the_app_lacks_is_caught(app: App, word: bytes) -> None:
    words = tuple(b"" if known == word else known for known in rides.COMPANIES)
    wrong = changed("company_xf", lambda f: rides.index((*words,), f["company"] or b"?"))
    assert not app.passes(wrong)


def test_inputs_are_those_of_the_right_preprocessing(app: App) -> None:
    for vector in app.golden.vectors:
        for name, array in as_inputs(right(raw(vector)), app.model).items():
            assert difference(vector.inputs[name], array) < 1e-5


def test_cases_of_every_feature_are_covered(app: App) -> None:
    covered = {case for vector in app.golden.vectors for case in vector.covers}
    missing = {name for name in rides.FEATURES if f"{name}: missing" in covered}
    # the outputs do not depend on the timestamp, and zones has no default
    assert missing == rides.FEATURES.keys() - {"timestamp", "zones"}
    assert {f"company: word {word.decode()}" for word in rides.COMPANIES} <= covered
    assert {"company: unknown word", "payment: unknown word"} <= covered
    assert {f"latitude: bucket {bucket} of 6" for bucket in range(6)} <= covered
    assert {f"longitude: bucket {bucket} of 5" for bucket in range(5)} <= covered
    assert {f"hour: {hour}" for hour in range(rides.HOURS)} <= covered
    assert {"miles: very large", "fare: very small"} <= covered
    assert app.golden.not_covered == ()
    assert app.golden.hidden_inputs == ()


def test_buckets_are_what_they_are_called(app: App) -> None:
    for vector in app.golden.vectors:
        for name in ("latitude", "longitude"):
            for case in vector.covers:
                if case.startswith(f"{name}: bucket"):
                    (found,) = vector.inputs[f"{name}_xf"].values
                    assert found == int(case.split()[2])


# --- the file, and what is checked with it


def _write(path: pathlib.Path, examples: list[bytes]) -> pathlib.Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in examples:
            writer.write(record)
    return path


@pytest.mark.slow
def test_same_conversion_gives_the_same_bytes(
    source: pathlib.Path, folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = f"app {{ golden_vectors: {_VECTORS} }} {_TRANSFORMED}"
    rewrite_saved_model(source, tmp_path / "out", config)
    expected = (folder / "rides.golden.json").read_bytes()
    assert (tmp_path / "out" / "golden.json").read_bytes() == expected


def test_raw_features_are_the_inputs_where_preprocessing_is_in_the_model(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    report = rewrite_saved_model(source, tmp_path / "out", "app { golden_vectors: 24 }")
    assert report["boundary"] == "RAW_FEATURES"
    app = App(read_golden(tmp_path / "out" / "golden.json"), TFLiteModel(tmp_path / "out/tflite"))
    assert app.passes(lambda features: features)
    assert not app.passes(lambda f: {**f, "miles": f["fare"], "fare": f["miles"]})
    assert not app.passes(lambda f: {**f, "miles": f["miles"] or -1.0})


def test_too_few_vectors_are_a_warning(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    report = rewrite_saved_model(source, tmp_path / "out", "app { golden_vectors: 4 }")
    golden = read_golden(tmp_path / "out" / "golden.json")
    assert "company: word Yellow" in golden.not_covered
    assert any("golden_vectors" in warning for warning in report["warnings"])


def test_input_that_no_output_shows_is_a_warning(tmp_path: pathlib.Path) -> None:
    specs = [tf.TensorSpec([None, 2], tf.float32, name) for name in ("x", "idle")]
    save(tmp_path / "model", lambda x, idle: {"y": 2 * x + 1e-9 * tf.tanh(idle)}, *specs)
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "out", "app { golden_vectors: 8 }")
    assert read_golden(tmp_path / "out" / "golden.json").hidden_inputs == ("idle",)
    assert any("'idle'" in warning for warning in report["warnings"])


def test_real_examples_are_those_of_the_files(tmp_path: pathlib.Path) -> None:
    save(tmp_path / "model", lambda x: {"y": 2 * x}, tf.TensorSpec([None, 1], tf.float32, "x"))
    records = _write(tmp_path / "records", [example(x=[float(i)]) for i in range(40)])
    config = "app { golden_vectors: 10 golden_examples: REAL }"
    rewrite_saved_model(tmp_path / "model", tmp_path / "out", config, records)
    golden = read_golden(tmp_path / "out" / "golden.json")
    found = [vector.example["x"][0] for vector in golden.vectors]
    assert golden.source == "real"
    assert len(set(found)) == 10
    assert set(found) <= {float(i) for i in range(40)}
    # a value of each tenth of the range
    assert len({int(value // 4) for value in found}) >= 9


@pytest.mark.parametrize(
    "app",
    [
        "golden_vectors: -1",
        "golden_examples: REAL",
        "golden_vectors: 4 golden_examples: REAL",
        "golden_examples: 7 golden_vectors: 4",
        "golden_vectors: 4 push: true",
    ],
)
def test_config_that_cannot_be_held_is_refused(
    source: pathlib.Path, tmp_path: pathlib.Path, app: str
) -> None:
    with pytest.raises(ConfigError):
        rewrite_saved_model(source, tmp_path / "out", f"app {{ {app} }}")


def test_model_that_processes_no_synthetic_example_is_refused(tmp_path: pathlib.Path) -> None:
    features = {"image": tf.io.FixedLenFeature([], tf.string)}

    def compute(parsed: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        image = tf.map_fn(tf.io.decode_png, parsed["image"], fn_output_signature=tf.uint8)
        return {"y": tf.reduce_mean(tf.cast(tf.reshape(image, [-1, 4]), tf.float32), axis=1)}

    save_parsing(tmp_path / "model", features, compute)
    png = tf.io.encode_png(tf.zeros([2, 2, 1], tf.uint8)).numpy()
    records = _write(tmp_path / "records", [example(image=[png])] * 4)
    with pytest.raises(ExamplesError, match="REAL"):
        rewrite_saved_model(
            tmp_path / "model", tmp_path / "out", "app { golden_vectors: 4 }", records
        )


def test_each_vector_starts_from_the_state_of_the_file(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.total = tf.Variable(tf.zeros([1, 2]))

    def add(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": module.total.assign_add(x)}

    save(tmp_path / "model", add, tf.TensorSpec([1, 2], tf.float32, "x"), module=module)
    rewrite_saved_model(tmp_path / "model", tmp_path / "out", "app { golden_vectors: 6 }")
    for vector in read_golden(tmp_path / "out" / "golden.json").vectors:
        assert vector.outputs["y"].values == vector.inputs["x"].values


def test_pixels_are_in_the_range_of_their_dtype(tmp_path: pathlib.Path) -> None:
    pixels = tf.TensorSpec([None, 6], tf.uint8, "pixels")
    save(tmp_path / "model", lambda pixels: {"y": tf.cast(pixels, tf.float32) / 255.0}, pixels)
    rewrite_saved_model(tmp_path / "model", tmp_path / "out", "app { golden_vectors: 6 }")
    vectors = read_golden(tmp_path / "out" / "golden.json").vectors
    for vector in vectors:
        assert vector.example["pixels"] == vector.inputs["pixels"].values
    values = {value for vector in vectors for value in vector.example["pixels"]}
    assert {0, 255} <= values
    assert len(values) > 10


def test_signature_that_no_example_can_hold_is_refused(tmp_path: pathlib.Path) -> None:
    specs = [tf.TensorSpec([None, 3], tf.float32, "x"), tf.TensorSpec([], tf.float32, "t")]
    save(tmp_path / "model", lambda x, t: {"y": x * t}, *specs)
    with pytest.raises(ExamplesError, match=r"no tf\.Example"):
        rewrite_saved_model(tmp_path / "model", tmp_path / "out", "app { golden_vectors: 4 }")


def test_bytes_that_are_no_text_are_in_the_file() -> None:
    words = np.array([[b"\xff\x00", "\u00fcber".encode()]], object)
    assert to_array(to_golden(words)).tolist() == words.tolist()


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `tfx-tflite check-golden`: the exit code and what was printed."""
    monkeypatch.setattr(standalone_golden, "Worker", WorkerInProcess)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main.main(["check-golden", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def test_model_of_the_vectors_passes(folder: pathlib.Path, command: Any) -> None:
    code, out, _ = command(folder / "rides.tflite", folder / "rides.golden.json", "--json")
    assert code == 0
    check = {"is_same_model": True, "num_vectors": _VECTORS, "mismatches": []}
    assert json.loads(out) == check


def test_model_with_another_weight_fails(
    folder: pathlib.Path, tmp_path: pathlib.Path, command: Any
) -> None:
    content = bytearray((folder / "rides.tflite").read_bytes())
    weight = rides.Rides().weights.numpy()[0, 0]
    at = content.find(weight.tobytes())
    assert at > 0
    content[at : at + 4] = np.float32(weight + 0.01).tobytes()
    (tmp_path / "other.tflite").write_bytes(content)
    code, out, err = command(tmp_path / "other.tflite", folder / "rides.golden.json")
    assert code == 1
    assert "not the model" in out
    assert "golden vectors" in err


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"vectors": []}'])
def test_file_without_golden_vectors_is_refused(
    folder: pathlib.Path, tmp_path: pathlib.Path, command: Any, content: str
) -> None:
    (tmp_path / "golden.json").write_text(content)
    assert command(folder / "rides.tflite", tmp_path / "golden.json")[0] == 2


def test_model_of_other_inputs_fails(
    folder: pathlib.Path, tmp_path: pathlib.Path, command: Any
) -> None:
    save(tmp_path / "model", lambda x: {"y": 2 * x}, tf.TensorSpec([None, 1], tf.float32, "x"))
    rewrite_saved_model(tmp_path / "model", tmp_path / "out")
    assert command(tmp_path / "out" / "tflite", folder / "rides.golden.json")[0] == 1
