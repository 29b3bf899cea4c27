"""Several `.tflite` files in one: each signature computes what it does in its own file."""

import inspect
import pathlib

import flatbuffers
import numpy as np
import pytest
import tensorflow as tf
from models import save

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.split import split
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.tflite.merge import merge
from tfx_tflite_component.tflite.model_edit import pack, unpack
from tfx_tflite_component.tflite.schema import schema

_ROWS = {"x": np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)}
_VALUES = tf.TensorSpec([None, 64], tf.float32, name="x")
_WORDS = tf.TensorSpec([None], tf.string, name="x")
_WEIGHTS = tf.random.stateless_normal([64, 64], seed=[1, 2])


def _dense(x):
    return {"y": x @ _WEIGHTS}


def _other(x):
    return {"z": tf.nn.relu(x @ _WEIGHTS) - 1.0}


def _loop(x):
    return {"y": tf.while_loop(lambda y: tf.reduce_sum(y) < 1e6, lambda y: [2.0 * y * y], [x])[0]}


def _branches(x):
    return {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: x @ _WEIGHTS, lambda: -x)}


def _content(folder: pathlib.Path, function, spec=_VALUES, module=None) -> bytes:
    source = save(folder / function.__name__, function, spec, module=module)
    return bytes(convert(split(load_signature(source, "serving_default")).tail, read_config(None)))


def _counting(module: tf.Module, step: float):
    def count(x):
        module.total.assign_add(step)
        return {"y": x + module.total}

    module.total = tf.Variable(step, name="total")
    return count


def _looking_up(values: list[int]):
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant(values, tf.int64)), -1
    )

    def look_up(x):
        return {"y": table.lookup(x)}

    module = tf.Module()
    module.table = table
    return look_up, module


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A file for each of some functions."""
    folder = tmp_path_factory.mktemp("files")
    functions = {"dense": _dense, "other": _other, "loop": _loop, "branches": _branches}
    found = {key: _content(folder, function) for key, function in functions.items()}
    for name, step in [("ones", 1.0), ("tens", 10.0)]:
        module = tf.Module()
        found[name] = _content(folder / name, _counting(module, step), module=module)
    for name, values in [("few", [1, 2]), ("many", [100, 200])]:
        function, module = _looking_up(values)
        found[name] = _content(folder / name, function, _WORDS, module)
    return found


@pytest.fixture(scope="module")
def merged(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("merged") / "tflite"
    path.write_bytes(merge(files))
    return path


def _inputs(key: str) -> dict[str, np.ndarray]:
    return {"x": np.array([b"a", b"b", b"c"], object)} if key in ("few", "many") else _ROWS


@pytest.mark.parametrize(
    "key", ["dense", "other", "loop", "branches", "ones", "tens", "few", "many"]
)
def test_each_signature_computes_what_it_does_in_its_own_file(
    key: str, files: dict[str, bytes], merged: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "alone").write_bytes(files[key])
    expected = TFLiteModel(tmp_path / "alone")(_inputs(key))
    found = TFLiteModel(merged, signature_key=key)(_inputs(key))
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_signatures_keep_their_variables_and_tables_apart(merged: pathlib.Path) -> None:
    interpreter = tf.lite.Interpreter(str(merged))
    found = {
        key: [interpreter.get_signature_runner(key)(**_inputs(key))["y"] for _ in range(2)]
        for key in ("ones", "tens", "ones", "few", "many", "few")
    }
    totals = {key: [float((y - _ROWS["x"])[0, 0]) for y in found[key]] for key in ("ones", "tens")}
    np.testing.assert_allclose(totals["ones"], [4.0, 5.0], atol=1e-5)
    np.testing.assert_allclose(totals["tens"], [20.0, 30.0], atol=1e-5)
    assert found["few"][0].tolist() == [1, 2, -1]
    assert found["many"][0].tolist() == [100, 200, -1]


def test_equal_constants_are_stored_once(files: dict[str, bytes]) -> None:
    both = merge({key: files[key] for key in ("dense", "other")})
    assert len(both) < 1.05 * max(len(files["dense"]), len(files["other"]))
    kept = [buffer.data.tobytes() for buffer in unpack(both).buffers if buffer.data is not None]
    assert len(kept) == len(set(kept))


def test_equal_scales_are_written_once(files: dict[str, bytes]) -> None:
    sizes = []
    for count in (1, 2):
        model = unpack(next(iter(files.values())))
        for tensor in model.subgraphs[0].tensors[:count]:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.ones(1000, np.float32)
        sizes.append(len(pack(model)))
    assert sizes[1] - sizes[0] < 1000


def test_equal_files_give_equal_bytes(files: dict[str, bytes], merged: pathlib.Path) -> None:
    assert merge(files) == merged.read_bytes()


def test_first_graph_is_of_the_first_signature_and_inputs_are_named_after_theirs(
    files: dict[str, bytes],
) -> None:
    model = unpack(merge({"other": files["other"], "dense": files["dense"]}))
    graphs = [(graph.name, graph.tensors[graph.inputs[0]].name) for graph in model.subgraphs]
    assert graphs == [(b"other", b"other_x:0"), (b"dense", b"dense_x:0")]


def test_runtime_is_as_new_as_the_newest_signature_needs(files: dict[str, bytes]) -> None:
    def needed(content: bytes) -> bytes:
        model = unpack(content)
        (entry,) = [e for e in model.metadata if e.name == b"min_runtime_version"]
        return bytes(model.buffers[entry.buffer].data).rstrip(b"\0")

    assert needed(files["dense"]) != needed(files["ones"])
    for first, second in [("dense", "ones"), ("ones", "dense")]:
        joined = merge({first: files[first], second: files[second]})
        assert needed(joined) == needed(files["ones"])


def test_all_fields_that_refer_to_a_graph_say_so_by_their_name() -> None:
    fields = {
        field.lower()
        for name, options in inspect.getmembers(schema, inspect.isclass)
        if name.endswith("OptionsT")
        for field in vars(options())
    }
    indices = {field for field in fields if field.endswith("index") or "graph" in field}
    assert {field for field in indices if "subgraph" in field} >= {
        *("bodysubgraphindex", "condsubgraphindex", "thensubgraphindex", "elsesubgraphindex"),
        *("initsubgraphindex", "subgraph"),
    }
    assert {field for field in indices if "subgraph" not in field} == set()


def test_file_larger_than_a_flatbuffer_is_refused(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flatbuffers.Builder, "MAX_BUFFER_SIZE", 8192)
    with pytest.raises(ConversionError, match="'dense', 'other'"):
        merge({key: files[key] for key in ("dense", "other")})
