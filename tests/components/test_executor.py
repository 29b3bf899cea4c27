"""The executor with fake artifacts: no pipeline and no ML Metadata."""

import hashlib
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import workers
from artifacts import examples_artifact, model_artifact, old_model_artifact, write_split
from models import save
from small_model import save_small_model, small_examples
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.utils import io_utils
from transformed import save_trained
from versions import OF_NO_VERSION

from tfx_tflite_component.components.rewriter.executor import Executor
from tfx_tflite_component.errors import (
    ConfigError,
    ConversionError,
    ExamplesError,
    RewriterError,
    SourceModelError,
    SplitError,
    UnsupportedOpsError,
)

_EXTRA = "small.tflite"
_CONFIG = {"output": {"extra_filename": _EXTRA}}
_ASSET = "Format-Serving/assets/words.txt"


def _do(
    model: standard_artifacts.Model,
    output_uri: pathlib.Path | str,
    config: dict[str, Any] | None = None,
    examples: standard_artifacts.Examples | None = None,
    transform_graph: standard_artifacts.TransformGraph | None = None,
) -> standard_artifacts.Model:
    inputs = {"model": [model]} | ({"examples": [examples]} if examples else {})
    inputs |= {"transform_graph": [transform_graph]} if transform_graph else {}
    output = model_artifact(output_uri)
    Executor().Do(inputs, {"model": [output]}, {"config": json.dumps(config)} if config else {})
    return output


def _files(folder: pathlib.Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def worker_in_process() -> Iterator[None]:
    with workers.in_process():
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of a Model artifact as a Trainer fills it."""
    folder = tmp_path_factory.mktemp("trainer") / "model"
    save_small_model(folder / "Format-Serving")
    return folder


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> standard_artifacts.Examples:
    """An Examples artifact as an ExampleGen fills it."""
    folder = tmp_path_factory.mktemp("example_gen")
    write_split(folder, "eval", small_examples())
    return examples_artifact(folder, splits=["eval"])


@pytest.fixture(scope="module")
def published(
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
    tmp_path_factory: pytest.TempPathFactory,
) -> standard_artifacts.Model:
    """What the executor makes of the source, in a worker process."""
    output = tmp_path_factory.mktemp("rewriter") / "model"
    return _do(model_artifact(source), output, _CONFIG, examples)


@pytest.mark.process
def test_publishes_the_model_with_its_assets_and_its_head(
    published: standard_artifacts.Model,
) -> None:
    files = _files(pathlib.Path(published.uri))
    assert {file for file in files if not file.startswith("head/")} == {
        "Format-Serving/tflite",
        f"Format-Serving/{_EXTRA}",
        _ASSET,
    }
    assert "head/saved_model.pb" in files


@pytest.mark.process
def test_assets_travel_unchanged(published: standard_artifacts.Model, source: pathlib.Path) -> None:
    assert (pathlib.Path(published.uri) / _ASSET).read_bytes() == (source / _ASSET).read_bytes()


@pytest.mark.process
def test_extra_file_is_the_same_model(published: standard_artifacts.Model) -> None:
    serving = pathlib.Path(published.uri) / "Format-Serving"
    assert (serving / _EXTRA).read_bytes() == (serving / "tflite").read_bytes()


@pytest.mark.process
def test_head_and_model_match_the_source(
    published: standard_artifacts.Model, source: pathlib.Path
) -> None:
    serialized = tf.constant(small_examples())
    head = tf.saved_model.load(f"{published.uri}/head").signatures["serving_default"]
    trained = tf.saved_model.load(str(source / "Format-Serving")).signatures["serving_default"]
    run = tf.lite.Interpreter(f"{published.uri}/Format-Serving/tflite").get_signature_runner()
    inputs = {name: tensor.numpy() for name, tensor in head(serialized).items()}
    assert set(inputs) == set(run.get_input_details()) == {"size", "word"}
    expected = trained(serialized)["score"].numpy()
    np.testing.assert_allclose(run(**inputs)["score"], expected, rtol=1e-5)


@pytest.mark.process
def test_custom_properties_describe_the_model(
    published: standard_artifacts.Model, source: pathlib.Path
) -> None:
    content = pathlib.Path(published.uri, "Format-Serving", "tflite").read_bytes()
    texts = {
        name: published.get_string_custom_property(name)
        for name in ("boundary", "quantization", "sha256", "op_set", "source_model_uri")
    }
    assert texts == {
        "boundary": "RAW_FEATURES",
        "quantization": "NONE",
        "sha256": hashlib.sha256(content).hexdigest(),
        "op_set": "BUILTIN",
        "source_model_uri": str(source / "Format-Serving"),
    }
    assert published.get_int_custom_property("size_bytes") == len(content)
    assert published.get_string_custom_property("tensorflow_version") == tf.__version__


@pytest.mark.usefixtures("worker_in_process")
def test_include_saved_model_copies_all_of_it(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _do(model_artifact(source), tmp_path / "model", {"output": {"include_saved_model": True}})
    serving = tmp_path / "model" / "Format-Serving"
    assert _files(serving) == _files(source / "Format-Serving") | {"tflite"}
    copied = tf.saved_model.load(str(serving)).signatures["serving_default"]
    assert copied(tf.constant(small_examples()))["score"].shape == [len(small_examples())]


@pytest.mark.usefixtures("worker_in_process")
@pytest.mark.parametrize(
    ("layout", "make_artifact"),
    [
        pytest.param("Format-Serving/export/taxi/1646034756", model_artifact, id="Estimator"),
        pytest.param("serving_model_dir", old_model_artifact, id="before TFX 0.29"),
        pytest.param("", model_artifact, id="an Importer that points at the SavedModel"),
    ],
)
def test_finds_the_saved_model_in_other_layouts(
    layout: str,
    make_artifact: Callable[[pathlib.Path], standard_artifacts.Model],
    tmp_path: pathlib.Path,
) -> None:
    save_small_model(tmp_path / "trainer" / layout)
    output = _do(make_artifact(tmp_path / "trainer"), tmp_path / "model")
    found = output.get_string_custom_property("source_model_uri")
    assert found == str(tmp_path / "trainer" / layout)
    assert (tmp_path / "model" / "Format-Serving" / "tflite").exists()


@pytest.mark.usefixtures("worker_in_process")
def test_results_of_an_earlier_attempt_are_replaced(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    stale = tmp_path / "model" / "Format-Serving" / "saved_model.pb"
    stale.parent.mkdir(parents=True)
    stale.write_text("half a model")
    _do(model_artifact(source), tmp_path / "model")
    assert not stale.exists()
    assert (tmp_path / "model" / "Format-Serving" / "tflite").exists()


@pytest.fixture(scope="module")
def remotely_published(
    source: pathlib.Path,
    examples: standard_artifacts.Examples,
) -> Iterator[standard_artifacts.Model]:
    """The same once more, with the models on a file system that is not the local one."""
    root = "ram://executor"
    io_utils.copy_dir(str(source), f"{root}/trainer")
    # the worker reads the examples itself, and has a memory of its own: they are local
    yield _do(model_artifact(f"{root}/trainer"), f"{root}/model", _CONFIG, examples)
    fileio.rmtree(root)


@OF_NO_VERSION
@pytest.mark.process
def test_reads_and_writes_artifacts_on_a_remote_file_system(
    published: standard_artifacts.Model, remotely_published: standard_artifacts.Model
) -> None:
    for file in _files(pathlib.Path(published.uri)):
        assert fileio.exists(f"{remotely_published.uri}/{file}"), file


@OF_NO_VERSION
@pytest.mark.process
def test_same_model_and_config_give_the_same_bytes(
    published: standard_artifacts.Model, remotely_published: standard_artifacts.Model
) -> None:
    first = pathlib.Path(published.uri, "Format-Serving", "tflite").read_bytes()
    with fileio.open(f"{remotely_published.uri}/Format-Serving/tflite", "rb") as file:
        assert file.read() == first


def _saving(
    function: Callable[..., dict[str, tf.Tensor]], *inputs: tf.TensorSpec
) -> Callable[[pathlib.Path], object]:
    """What fills a Model artifact with a SavedModel of one signature."""
    return lambda folder: save(folder / "Format-Serving", function, *inputs)


def _fill_with_nothing(folder: pathlib.Path) -> None:
    (folder / "Format-Serving").mkdir(parents=True)


def _fill_with_junk(folder: pathlib.Path) -> None:
    _FILL_DOUBLING(folder)
    (folder / "Format-Serving" / "saved_model.pb").write_bytes(b"no SavedModel")


def _fill_twice(folder: pathlib.Path) -> None:
    for export in ("1", "2"):
        (folder / "Format-Serving" / "export" / "taxi" / export).mkdir(parents=True)


_FLOATS = tf.TensorSpec([None, 2], tf.float32, name="x")
_STRINGS = tf.TensorSpec([None], tf.string, name="examples")
_FILL_DOUBLING = _saving(lambda x: {"y": x * 2}, _FLOATS)
_FILL_NUMBERS = _saving(lambda examples: {"y": tf.strings.to_number(examples)}, _STRINGS)
_FILL_INVERSE_ERROR = _saving(lambda x: {"y": tf.math.erfinv(x)}, _FLOATS)


@pytest.mark.usefixtures("worker_in_process")
@pytest.mark.parametrize(
    ("fill", "config", "error", "words"),
    [
        pytest.param(
            _fill_with_nothing,
            {},
            SourceModelError,
            ["saved_model.pb", "nothing"],
            id="no SavedModel",
        ),
        pytest.param(
            _fill_with_junk, {}, SourceModelError, ["cannot be read"], id="unreadable SavedModel"
        ),
        pytest.param(
            _fill_twice, {}, SourceModelError, ["not hold exactly one SavedModel"], id="two exports"
        ),
        pytest.param(
            _FILL_DOUBLING,
            {"signature_key": "predict"},
            SourceModelError,
            ["'predict'", "'serving_default'"],
            id="unknown signature",
        ),
        pytest.param(
            _saving(lambda: {"y": tf.constant([1.0])}),
            {},
            SplitError,
            ["'serving_default'", "no inputs"],
            id="signature without inputs",
        ),
        pytest.param(
            _FILL_NUMBERS,
            {"input_boundary": "RAW_FEATURES"},
            SplitError,
            ["RAW_FEATURES", "ParseExample", "'examples'"],
            id="strings but no parse op",
        ),
        pytest.param(
            _FILL_NUMBERS,
            {},
            UnsupportedOpsError,
            ["StringToNumber", "allow_select_tf_ops"],
            id="strings that no builtin reads",
        ),
        pytest.param(
            _saving(
                lambda x: {"y": tf.bitcast(x, tf.int8)},
                tf.TensorSpec([None, 2], tf.qint8, name="x"),
            ),
            {},
            ConversionError,
            ["'x'", "qint8"],
            id="input of a type that TFLite lacks",
        ),
        pytest.param(
            _FILL_INVERSE_ERROR,
            {},
            UnsupportedOpsError,
            ["Erfinv", "not available as a Select TF op either", "'erfinv'"],
            id="op without a builtin",
        ),
        pytest.param(
            _FILL_INVERSE_ERROR,
            {"ops": {"allow_select_tf_ops": True}},
            UnsupportedOpsError,
            ["Erfinv", "allow_custom_ops"],
            id="op that Select TF lacks",
        ),
        pytest.param(
            _FILL_DOUBLING,
            {"batch_size": -1},
            ConfigError,
            ["batch_size", "-1"],
            id="value out of range",
        ),
        pytest.param(
            _saving(lambda x: {"y": x * 2}, tf.TensorSpec([4, 2], tf.float32, name="x")),
            {"batch_size": 2},
            ConfigError,
            ["batch_size: 2", "'x'", "4"],
            id="config that contradicts the signature",
        ),
    ],
)
def test_refuses_with_one_clear_error_and_leaves_no_file(
    fill: Callable[[pathlib.Path], object],
    config: dict[str, Any],
    error: type[RewriterError],
    words: list[str],
    tmp_path: pathlib.Path,
) -> None:
    fill(tmp_path / "trainer")
    with pytest.raises(error) as raised:
        _do(model_artifact(tmp_path / "trainer"), tmp_path / "rewriter" / "model", config)
    assert raised.type is error
    assert [word for word in words if word not in str(raised.value)] == []
    assert _files(tmp_path / "rewriter") == set()


@OF_NO_VERSION
@pytest.mark.usefixtures("worker_in_process")
def test_refuses_examples_without_the_split_and_names_those_that_are_there(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    examples = examples_artifact(tmp_path / "examples", splits=["train", "test"])
    with pytest.raises(ExamplesError, match=r"'eval'.*'train', 'test'"):
        _do(model_artifact(source), tmp_path / "rewriter" / "model", examples=examples)
    assert _files(tmp_path / "rewriter") == set()


@pytest.fixture
def trained_without_names(tmp_path: pathlib.Path) -> pathlib.Path:
    """The folder of a Trainer's output that does not tell what its transformed features are called.

    The transform graph lies beside the SavedModel, in `transform_graph`.
    """
    save_trained(
        tmp_path / "trainer" / "Format-Serving",
        lambda features: {"bucket": tf.strings.to_hash_bucket_fast(features["text"], 9)},
        lambda transformed, parsed: {"y": tf.one_hot(transformed["bucket"], 9)},
        saves_names=False,
    )
    return tmp_path / "trainer"


@pytest.mark.usefixtures("worker_in_process")
@pytest.mark.parametrize("is_remote", [False, True], ids=["local", "remote"])
def test_transform_graph_names_the_inputs(
    trained_without_names: pathlib.Path, tmp_path: pathlib.Path, is_remote: bool
) -> None:
    graph = standard_artifacts.TransformGraph()
    graph.uri = str(trained_without_names / "transform_graph")
    if is_remote:
        io_utils.copy_dir(graph.uri, "ram://transform_graph")
        graph.uri = "ram://transform_graph"
    published = _do(
        model_artifact(trained_without_names), tmp_path / "model", transform_graph=graph
    )
    assert published.get_string_custom_property("boundary") == "PER_FEATURE"
    interpreter = tf.lite.Interpreter(str(tmp_path / "model" / "Format-Serving" / "tflite"))
    assert interpreter.get_signature_list()["serving_default"]["inputs"] == ["bucket"]


@pytest.mark.usefixtures("worker_in_process")
def test_transform_graph_without_a_use_is_refused(
    trained_without_names: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    graph = standard_artifacts.TransformGraph()
    graph.uri = str(trained_without_names / "transform_graph")
    config = {"input_boundary": "RAW_FEATURES"}
    with pytest.raises(
        ConfigError, match="`transform_graph` has no effect with input_boundary: RAW"
    ):
        _do(model_artifact(trained_without_names), tmp_path / "model", config, None, graph)
