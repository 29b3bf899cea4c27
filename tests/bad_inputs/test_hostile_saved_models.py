"""SavedModels that try to read or write files, to run Python, or to end the process."""

import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import tfx
from bad_input import Refusal, check_converted, check_not_converted, write_config
from models import EXAMPLES, example, save, save_tf1
from small_model import save_small_model
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import AssetFileDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import op_def_registry
from tensorflow.python.saved_model import loader_impl

from tfx_tflite_component.errors import SourceModelError
from tfx_tflite_component.graph.saved_model import load_signature, load_transform
from tfx_tflite_component.graph.unsafe_ops import check_assets, check_ops
from tfx_tflite_component.op_effects import EFFECTS, FILE_ATTRIBUTES, TABLE_FILE_OPS
from tfx_tflite_component.scoring import Scorer

pytestmark = pytest.mark.all_rows

_FEATURES = {"x": tf.io.FixedLenFeature([2], tf.float32)}
_SECRET = "password\n"


def _serving(effect: Callable[[tf.Tensor], object]) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A function that does something before it computes."""

    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([effect(examples)]):
            return {"y": tf.io.parse_example(examples, _FEATURES)["x"] * 2.0}

    return serve


_EFFECTS: dict[str, Callable[[str], Callable[[tf.Tensor], object]]] = {
    "WriteFile": lambda trace: lambda _: tf.io.write_file(trace, "written"),
    "ReadFile": lambda trace: lambda _: tf.io.read_file(trace),
    "EagerPyFunc": lambda trace: lambda x: tf.py_function(lambda _: 1.0, [x], tf.float32),
    "PrintV2": lambda trace: lambda x: tf.print(x, output_stream=f"file://{trace}"),
    "MatchingFiles": lambda trace: lambda _: tf.io.matching_files(f"{trace}*"),
    "SaveV2": lambda trace: (
        lambda _: tf.raw_ops.SaveV2(
            prefix=trace, tensor_names=["x"], shape_and_slices=[""], tensors=[tf.constant(1.0)]
        )
    ),
    "CreateSummaryFileWriter": lambda trace: (
        lambda _: tf.raw_ops.CreateSummaryFileWriter(
            writer=tf.raw_ops.SummaryWriter(),
            logdir=trace,
            max_queue=1,
            flush_millis=1,
            filename_suffix="",
        )
    ),
    "ImmutableConst": lambda trace: (
        lambda _: tf.raw_ops.ImmutableConst(dtype=tf.uint8, shape=[1], memory_region_name=trace)
    ),
    "Abort": lambda trace: lambda _: tf.raw_ops.Abort(error_msg="stop"),
}


@pytest.mark.parametrize("op", _EFFECTS)
def test_op_that_reaches_out_of_the_graph_is_refused_by_name(op: str, tmp_path: pathlib.Path):
    trace = tmp_path / "trace"
    save(tmp_path / "model", _serving(_EFFECTS[op](str(trace))), EXAMPLES)
    refusal = Refusal(SourceModelError, (str(tmp_path / "model"), op, "trusted_ops"))
    check_not_converted(refusal, tmp_path / "model", tmp_path)
    assert not trace.exists()


def test_op_behind_a_call_and_a_condition_is_refused(tmp_path: pathlib.Path) -> None:
    trace = tmp_path / "trace"

    @tf.function
    def hidden(x: tf.Tensor) -> tf.Tensor:
        def write() -> tf.Tensor:
            tf.io.write_file(str(trace), "written")
            return tf.constant(1)

        return tf.cond(tf.size(x) > 0, write, lambda: tf.constant(0))

    save(tmp_path / "model", _serving(hidden), EXAMPLES)
    refusal = Refusal(SourceModelError, ("WriteFile", "in the function"))
    check_not_converted(refusal, tmp_path / "model", tmp_path)
    assert not trace.exists()


class _Writing(tf.Module):
    """Writes a file when it is loaded: TensorFlow calls the initializers of resources."""

    def __init__(self, trace: str) -> None:
        super().__init__()
        self.resource = _Resource(trace)


class _Resource(tf.saved_model.experimental.TrackableResource):
    def __init__(self, trace: str) -> None:
        super().__init__()
        self._trace = trace

    def _create_resource(self) -> tf.Tensor:
        return tf.raw_ops.HashTableV2(
            key_dtype=tf.int64, value_dtype=tf.int64, shared_name="of_the_hostile_model"
        )

    @tf.function(input_signature=[])
    def _initialize(self) -> tf.Tensor:
        tf.io.write_file(self._trace, "written")
        return tf.constant(1)


def test_initializer_that_writes_a_file_is_refused_before_it_is_run(tmp_path: pathlib.Path) -> None:
    trace = tmp_path / "trace"
    module = _Writing(str(trace))
    save(tmp_path / "model", _serving(tf.identity), EXAMPLES, module=module)
    trace.unlink(missing_ok=True)
    refusal = Refusal(SourceModelError, ("WriteFile", "_initialize"))
    check_not_converted(refusal, tmp_path / "model", tmp_path)
    assert not trace.exists()


def test_trusted_op_is_accepted(tmp_path: pathlib.Path) -> None:
    (tmp_path / "scale").write_text("2.0")
    scale = str(tmp_path / "scale")

    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, _FEATURES)["x"]
        with tf.control_dependencies([tf.io.read_file(scale)]):
            return {"y": parsed * 2.0}

    save(tmp_path / "model", serve, EXAMPLES)
    # another op that is trusted does not let this one pass
    other = write_config(tmp_path, "trusted_ops: 'WriteFile'")
    refusal = Refusal(SourceModelError, ("ReadFile",))
    check_not_converted(refusal, tmp_path / "model", tmp_path, "--config", other)
    signature = load_signature(tmp_path / "model", "serving_default", ["ReadFile"])
    y = signature(tf.constant([example(x=[1.0, 2.0])]))["y"]
    np.testing.assert_array_equal(y, [[2.0, 4.0]])


# --- tables that are filled from files


def _edit(model: pathlib.Path, change: Callable[[SavedModel], object]) -> None:
    saved_model = SavedModel.FromString((model / "saved_model.pb").read_bytes())
    change(saved_model)
    (model / "saved_model.pb").write_bytes(saved_model.SerializeToString())


def _initializer(saved_model: SavedModel) -> tuple[FunctionDef, NodeDef]:
    """The function of a SavedModel that fills a table from a file, and its op that does."""
    (found,) = [
        (function, node)
        for function in saved_model.meta_graphs[0].graph_def.library.function
        for node in function.node_def
        if node.op in TABLE_FILE_OPS
    ]
    return found


def _string_constant(name: str, value: str) -> NodeDef:
    node = NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.string.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


@pytest.fixture
def secret(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "secret.txt"
    path.write_text(_SECRET)
    return path


def test_table_of_a_constant_path_is_refused(tmp_path: pathlib.Path, secret: pathlib.Path) -> None:
    def name_the_secret(saved_model: SavedModel) -> None:
        function, node = _initializer(saved_model)
        function.node_def.append(_string_constant("path", str(secret)))
        node.input[1] = "path:output:0"

    save_small_model(tmp_path / "model")
    _edit(tmp_path / "model", name_the_secret)
    refusal = Refusal(SourceModelError, ("InitializeTableFromTextFileV2", "not one of the model's"))
    check_not_converted(refusal, tmp_path / "model", tmp_path)


def test_table_of_an_asset_and_a_part_of_a_path_is_refused(tmp_path: pathlib.Path) -> None:
    def leave_the_folder(saved_model: SavedModel) -> None:
        function, node = _initializer(saved_model)
        joined = NodeDef(name="joined", op="StringJoin", input=[node.input[1], "way:output:0"])
        joined.attr["N"].i = 2
        function.node_def.extend([_string_constant("way", "/../../secret.txt"), joined])
        node.input[1] = "joined:output:0"

    save_small_model(tmp_path / "model")
    _edit(tmp_path / "model", leave_the_folder)
    refusal = Refusal(SourceModelError, ("InitializeTableFromTextFileV2",))
    check_not_converted(refusal, tmp_path / "model", tmp_path)


def test_table_of_a_path_in_a_variable_is_refused(tmp_path: pathlib.Path) -> None:
    def bind_a_variable(saved_model: SavedModel) -> None:
        function, node = _initializer(saved_model)
        objects = saved_model.meta_graphs[0].object_graph_def
        position = [a.name for a in function.signature.input_arg].index(node.input[1])
        bound = objects.concrete_functions[function.signature.name].bound_inputs
        objects.nodes[bound[position]].variable.dtype = tf.string.as_datatype_enum

    save_small_model(tmp_path / "model")
    _edit(tmp_path / "model", bind_a_variable)
    refusal = Refusal(SourceModelError, ("InitializeTableFromTextFileV2",))
    check_not_converted(refusal, tmp_path / "model", tmp_path)


def _save_tf1(folder: pathlib.Path, vocabulary: pathlib.Path) -> None:
    """Saves a model as TF1 does, with a table that is filled from an asset."""

    def build(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        initializer = tf.lookup.TextFileInitializer(
            *(str(vocabulary), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
            *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
        )
        table = tf.lookup.StaticHashTable(initializer, -1)
        words = tf.io.parse_example(examples, {"word": tf.io.FixedLenFeature([], tf.string)})
        scale = tf.compat.v1.get_variable("scale", [], tf.float32)
        return {"y": tf.cast(table.lookup(words["word"]), tf.float32) * scale}

    save_tf1(folder, build)


def test_asset_of_tf1_that_leaves_the_folder_is_refused(
    tmp_path: pathlib.Path, secret: pathlib.Path
) -> None:
    def leave_the_folder(saved_model: SavedModel) -> None:
        (graph,) = saved_model.meta_graphs
        del graph.asset_file_def[:]
        (packed,) = graph.collection_def["saved_model_assets"].any_list.value
        asset = AssetFileDef()
        packed.Unpack(asset)
        asset.filename = "../../secret.txt"
        packed.Pack(asset)

    _save_tf1(tmp_path / "model", secret)
    check_converted(tmp_path / "model", tmp_path)
    shutil.rmtree(tmp_path / "outputs")
    _edit(tmp_path / "model", leave_the_folder)
    refusal = Refusal(SourceModelError, ("'../../secret.txt'", "as one of its assets"))
    check_not_converted(refusal, tmp_path / "model", tmp_path)


def test_tf1_table_whose_file_is_not_an_asset_is_refused(
    tmp_path: pathlib.Path, secret: pathlib.Path
) -> None:
    def forget_the_asset(saved_model: SavedModel) -> None:
        (graph,) = saved_model.meta_graphs
        del graph.asset_file_def[:]
        graph.collection_def["saved_model_assets"].any_list.ClearField("value")

    _save_tf1(tmp_path / "model", secret)
    _edit(tmp_path / "model", forget_the_asset)
    refusal = Refusal(SourceModelError, ("InitializeTableFromTextFileV2", "in its graph"))
    check_not_converted(refusal, tmp_path / "model", tmp_path)


def test_restore_op_of_tf1_that_reads_another_checkpoint_is_refused(
    tmp_path: pathlib.Path, secret: pathlib.Path
) -> None:
    def read_another(saved_model: SavedModel) -> None:
        nodes = saved_model.meta_graphs[0].graph_def.node
        nodes.append(_string_constant("elsewhere", "/elsewhere/variables"))
        for node in nodes:
            if node.op == "RestoreV2":
                node.input[0] = "elsewhere"

    _save_tf1(tmp_path / "model", secret)
    _edit(tmp_path / "model", read_another)
    refusal = Refusal(SourceModelError, ("RestoreV2", "reads or writes checkpoints"))
    check_not_converted(refusal, tmp_path / "model", tmp_path)


# --- the other SavedModels


def test_hostile_head_is_refused_where_examples_are_scored(tmp_path: pathlib.Path) -> None:
    save(tmp_path / "model", _serving(tf.identity), EXAMPLES)
    output = check_converted(tmp_path / "model", tmp_path)
    shutil.rmtree(output / "head")
    trace = tmp_path / "trace"
    save(output / "head", _serving(_EFFECTS["WriteFile"](str(trace))), EXAMPLES)
    with pytest.raises(SourceModelError, match=r"head holds the op WriteFile"):
        Scorer(str(output))
    assert not trace.exists()


def test_hostile_transform_graph_is_refused(tmp_path: pathlib.Path) -> None:
    trace = tmp_path / "trace"
    writing = _serving(_EFFECTS["WriteFile"](str(trace)))
    save(tmp_path / "transform_fn", writing, EXAMPLES)
    with pytest.raises(SourceModelError, match=r"transform_fn holds the op WriteFile"):
        load_transform(tmp_path)
    assert not trace.exists()


_TEST_DATA = pathlib.Path(tfx.__file__).parent / "components" / "testdata"
_STOCK = sorted(path.parent for path in _TEST_DATA.rglob("saved_model.pb"))


@pytest.mark.parametrize("model", _STOCK, ids=lambda p: "-".join(p.parts[-3:]))
def test_models_that_tfx_brings_along_are_not_refused(model: pathlib.Path) -> None:
    saved_model = loader_impl.parse_saved_model(str(model))
    check_assets(saved_model, model)
    check_ops(saved_model, model, trusted=())


# --- the table of ops

# Ops with an input or attribute that reads as if it named a file or a place in the network, and
# that do not reach it.
_HARMLESS = {
    *("BoostedTreesCreateEnsemble", "BoostedTreesDeserializeEnsemble", "CTCBeamSearchDecoder"),
    *("TensorSliceDataset", "ReaderRestoreState", "ReaderRestoreStateV2"),
    # each only makes a string
    *("ShardedFilename", "ShardedFilespec"),
}
_NAMES = (
    *("filename", "filenames", "file_pattern", "path", "ckpt_path", "vocab_file", "new_vocab_file"),
    *("prefix", "snapshot_path", "shard_dir", "chunk_file", "directory", "address", "logdir"),
    *("memory_region_name", "debug_urls", "graph_def", "db_uri", "data_source_name", "url", "host"),
    *("output_stream", "resource_filename", "engine_cache_dir"),
)


def _ops_that_name_places() -> set[str]:
    found = set()
    for op in dir(tf.raw_ops):
        definition = op_def_registry.get(op)
        if definition is not None:
            names = [part.name for part in (*definition.input_arg, *definition.attr)]
            found |= {op} if not set(names).isdisjoint(_NAMES) else set()
    return found


def test_every_op_of_tensorflow_that_names_a_place_is_known() -> None:
    found = _ops_that_name_places()
    assert len(found) > 50
    known = {*EFFECTS, *FILE_ATTRIBUTES, *TABLE_FILE_OPS, *_HARMLESS}
    assert sorted(found - known) == []
