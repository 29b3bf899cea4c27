"""TFLite models whose Select TF ops do more than compute are refused before they are run."""

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from flatbuffers import flexbuffers
from models import save
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.node_def_pb2 import NodeDef
from versions import RUNS_SELECT_TF_OPS
from workers import WorkerInProcess

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import ModelFileError, UnsupportedOpsError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.proto.tflite_infra_validator_pb2 import TFLiteInfraValidatorConfig
from tfx_tflite_component.rewriting.compare import compare
from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.split.split import split
from tfx_tflite_component.targets.validate import validate
from tfx_tflite_component.tflite.inspection import inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.tflite.model_edit import pack, unpack
from tfx_tflite_component.tflite.select_tf_effects import check_select_tf_ops
from tfx_tflite_component.verification.compare_files import compare_files
from tfx_tflite_component.worker.protocol import (
    BENCHMARK,
    TRY_MODEL,
    BenchmarkRequest,
    TryModelRequest,
)

_ALLOW = read_config("ops { allow_select_tf_ops: true }")
_STRIP = NodeDef(name="stripped", op="StringStrip", input=["x"])
_runs_select_tf_ops = pytest.mark.skipif(
    not RUNS_SELECT_TF_OPS, reason="the interpreter runs no Select TF ops at all"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The SavedModel of the model below."""
    spec = tf.TensorSpec([], tf.string, name="x")
    folder = tmp_path_factory.mktemp("source")
    return save(folder, lambda x: {"y": tf.raw_ops.StringStrip(input=x)}, spec)


@pytest.fixture(scope="module")
def harmless(source: pathlib.Path) -> bytes:
    """A model of one Select TF op, StringStrip, which takes a string and returns one."""
    return bytes(convert(split(load_signature(source, "serving_default")).tail, _ALLOW))


@pytest.fixture(scope="module")
def reading(harmless: bytes, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A model that returns the content of the file that its input names, in disguise."""
    path = tmp_path_factory.mktemp("reading") / "tflite"
    path.write_bytes(_with_options(harmless, "ReadFile", _STRIP))
    return path


def _options(name: str, node: NodeDef) -> bytes:
    builder = flexbuffers.Builder()
    with builder.Vector():
        builder.String(name)
        builder.String(node.SerializeToString().decode())
    return bytes(builder.Finish())


def _with_options(model: bytes, name: str, node: NodeDef) -> bytes:
    """A model whose op has other options, but is still called StringStrip."""
    edited = unpack(model)
    (op,) = edited.subgraphs[0].operators
    op.customOptions = np.frombuffer(_options(name, node), np.uint8)
    return pack(edited)


def _check(model: bytes, folder: pathlib.Path, trusted: tuple[str, ...] = ()) -> None:
    (folder / "tflite").write_bytes(model)
    check_select_tf_ops(folder / "tflite", "/models/1", trusted)


@_runs_select_tf_ops
def test_op_that_runs_is_the_one_in_the_options_whatever_the_model_calls_it(
    reading: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "secret").write_text("password")
    name = np.array(str(tmp_path / "secret").encode(), object)
    (output,) = TFLiteModel(reading, needs_select_tf_ops=True)({"x": name}).values()
    assert output == b"password"
    assert [op.name for op in inspect(reading).ops] == ["StringStrip"]


@pytest.mark.all_rows
@pytest.mark.parametrize(
    ("node", "effect"),
    [
        (NodeDef(op="ReadFile"), "reads or writes files"),
        (NodeDef(op="WriteFile"), "reads or writes files"),
        (NodeDef(op="RestoreV2"), "reads or writes checkpoints"),
        (NodeDef(op="EagerPyFunc"), "runs Python code"),
        (NodeDef(op="DataServiceDatasetV4"), "opens network connections"),
        (NodeDef(op="InitializeTableFromTextFileV2"), "reads or writes files"),
        (
            NodeDef(op="PrintV2", attr={"output_stream": AttrValue(s=b"file:///tmp/x")}),
            "reads or writes files",
        ),
    ],
    ids=lambda value: value.op if isinstance(value, NodeDef) else "",
)
def test_op_that_does_more_than_compute_is_refused(
    node: NodeDef, effect: str, harmless: bytes, tmp_path: pathlib.Path
) -> None:
    message = rf"^The TFLite model in /models/1 holds the Select TF op {node.op} .*which {effect};"
    with pytest.raises(UnsupportedOpsError, match=message) as refusal:
        _check(_with_options(harmless, node.op, node), tmp_path)
    assert refusal.value.ops == (node.op,)


@pytest.mark.parametrize(
    "node",
    [
        NodeDef(op="StringStrip"),
        NodeDef(op="PrintV2", attr={"output_stream": AttrValue(s=b"stderr")}),
    ],
    ids=lambda node: node.op,
)
def test_op_that_computes_is_not_refused(
    node: NodeDef, harmless: bytes, tmp_path: pathlib.Path
) -> None:
    _check(_with_options(harmless, node.op, node), tmp_path)


@pytest.mark.parametrize(
    ("name", "op"),
    [("ReadFile", "StringStrip"), ("ReadFile\0", "StringStrip"), ("StringStrip", "ReadFile")],
)
def test_disguised_op_is_refused(
    name: str, op: str, harmless: bytes, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(UnsupportedOpsError, match="op ReadFile"):
        _check(_with_options(harmless, name, NodeDef(op=op)), tmp_path)


def test_trusted_op_is_not_refused(reading: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _check(reading.read_bytes(), tmp_path, trusted=("ReadFile",))


def test_op_of_another_graph_of_the_model_is_refused(
    harmless: bytes, reading: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    model, other = unpack(harmless), unpack(reading.read_bytes())
    model.subgraphs.append(other.subgraphs[0])
    with pytest.raises(UnsupportedOpsError, match="op ReadFile"):
        _check(pack(model), tmp_path)


def test_options_outside_of_the_flatbuffer_are_read_as_well(
    harmless: bytes, tmp_path: pathlib.Path
) -> None:
    model, options = unpack(harmless), _options("ReadFile", _STRIP)
    (op,) = model.subgraphs[0].operators
    op.largeCustomOptionsSize = len(options)
    op.largeCustomOptionsOffset = 1
    op.largeCustomOptionsOffset = len(pack(model))
    with pytest.raises(UnsupportedOpsError, match="op ReadFile"):
        _check(pack(model) + options, tmp_path)


@pytest.mark.parametrize("options", [b"", b"\x00", b"\xff" * 9], ids=["none", "short", "other"])
def test_options_without_a_node_are_damage(
    options: bytes, harmless: bytes, tmp_path: pathlib.Path
) -> None:
    model = unpack(harmless)
    (op,) = model.subgraphs[0].operators
    op.customOptions = np.frombuffer(options, np.uint8)
    with pytest.raises(ModelFileError, match="is damaged"):
        _check(pack(model), tmp_path)


_USES: dict[str, Callable[[pathlib.Path, pathlib.Path], object]] = {
    "Evaluator": lambda path, source: Scorer(str(path.parent)),
    "trial": lambda path, source: WorkerInProcess().ask(
        TRY_MODEL, TryModelRequest(str(path), str(path.parent)), 60
    ),
    "benchmark": lambda path, source: WorkerInProcess().ask(
        BENCHMARK, BenchmarkRequest(str(path), (1,), (1,)), 60
    ),
    "comparison with a SavedModel": lambda path, source: compare(source, path, _ALLOW, None),
    "comparison with a file": lambda path, source: compare_files(path, path, _ALLOW),
}


@_runs_select_tf_ops
@pytest.mark.parametrize("use", _USES.values(), ids=_USES.keys())
def test_model_is_refused_wherever_it_is_run(
    use: Callable[[pathlib.Path, pathlib.Path], object],
    reading: pathlib.Path,
    source: pathlib.Path,
) -> None:
    with pytest.raises(UnsupportedOpsError, match=r"holds the Select TF op ReadFile"):
        use(reading, source)


def test_model_is_not_blessed(reading: pathlib.Path) -> None:
    validation = validate(reading, TFLiteInfraValidatorConfig(num_inputs=1), None)
    assert not validation.blessed
    assert validation.host is None
    (failure,) = validation.failures
    assert "holds the Select TF op ReadFile" in failure
