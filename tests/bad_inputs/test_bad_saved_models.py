"""SavedModels that are damaged, hostile, or something else."""

import os
import pathlib
import random
import shutil
from collections.abc import Callable

import pytest
from bad_input import (
    Refusal,
    check_converted,
    check_not_converted,
    check_refused,
    write_config,
    write_records,
)
from models import example
from small_model import save_small_model
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from tfx_tflite_component.errors import RewriterError, SourceModelError, StorageError
from tfx_tflite_component.graph.saved_model import load_signature

_PB = "saved_model.pb"
_DATA = "variables/variables.data-00000-of-00001"
_INDEX = "variables/variables.index"
_ASSET = "assets/words.txt"

Damage = Callable[[pathlib.Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("whole") / "model"
    save_small_model(folder)
    return folder


def _holding(name: str, content: bytes) -> Damage:
    return lambda model: (model / name).write_bytes(content)


def _cut(name: str) -> Damage:
    return lambda model: os.truncate(model / name, (model / name).stat().st_size // 2)


def _inverted(name: str) -> Damage:
    return lambda model: (model / name).write_bytes(
        bytes(255 - byte for byte in (model / name).read_bytes())
    )


def _without(name: str) -> Damage:
    return lambda model: (model / name).unlink()


def _linked(name: str, target: str) -> Damage:
    def link(model: pathlib.Path) -> None:
        (model / name).unlink(missing_ok=True)
        (model / name).symlink_to(target)

    return link


def _folder(name: str) -> Damage:
    def replace(model: pathlib.Path) -> None:
        (model / name).unlink()
        (model / name).mkdir()

    return replace


def _edited(edit: Callable[[MetaGraphDef], object]) -> Damage:
    def write(model: pathlib.Path) -> None:
        saved = SavedModel.FromString((model / _PB).read_bytes())
        edit(saved.meta_graphs[0])
        (model / _PB).write_bytes(saved.SerializeToString())

    return write


def _node(op: str, edit: Callable[[NodeDef], object]) -> Damage:
    def edit_all(graph: MetaGraphDef) -> None:
        nodes = [node for body in graph.graph_def.library.function for node in body.node_def]
        found = [edit(node) for node in nodes if node.op == op]
        assert found

    return _edited(edit_all)


def _call_itself(graph: MetaGraphDef) -> None:
    for body in graph.graph_def.library.function:
        for node in body.node_def:
            if "PartitionedCall" in node.op:
                node.attr["f"].func.name = body.signature.name


def _asset(name: str) -> Damage:
    return _edited(lambda graph: setattr(graph.asset_file_def[0], "filename", name))


_DAMAGES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "graph is cut": (_cut(_PB), ("Cannot parse file", _PB)),
    "graph is empty": (_holding(_PB, b""), ("tags 'serve'", "available tags '[]'")),
    "graph is another message": (_holding(_PB, example(x=[1.0])), ("tags 'serve'",)),
    "graph is noise": (_holding(_PB, random.Random(1).randbytes(5000)), ("Cannot parse file",)),
    "graph is a zip file": (_holding(_PB, b"PK\3\4" + bytes(99)), ("Cannot parse file",)),
    "graph is a folder": (_folder(_PB), (_PB, "Is a directory")),
    "graph is a link to itself": (_linked(_PB, _PB), (_PB,)),
    "graph has other tags": (
        _edited(lambda graph: graph.meta_info_def.tags.__setitem__(slice(None), ["train"])),
        ("tags ['train']",),
    ),
    "graph has no functions": (
        _edited(lambda graph: graph.graph_def.library.ClearField("function")),
        ("KeyError: '__inference",),
    ),
    "functions call themselves": (_edited(_call_itself), ("cyclic dependency between functions",)),
    "node reads itself": (
        _node("Relu", lambda node: node.input.__setitem__(0, f"{node.name}:activations:0")),
        ("nodes in a cycle",),
    ),
    "node reads nothing": (
        _node("Relu", lambda node: node.input.__setitem__(0, "nowhere:0")),
        ("'nowhere:0'",),
    ),
    "shape is absurd": (
        _node(
            "ReadVariableOp",
            lambda node: setattr(node.attr["_output_shapes"].list.shape[0].dim[0], "size", 2**60),
        ),
        ("too large",),
    ),
    "variables are missing": (
        lambda model: shutil.rmtree(model / "variables"),
        ("Failed to find any matching files", "variables"),
    ),
    "index is missing": (_without(_INDEX), ("Failed to find any matching files",)),
    "index is cut": (_cut(_INDEX), ("not an sstable",)),
    "index is noise": (_holding(_INDEX, random.Random(2).randbytes(300)), ("not an sstable",)),
    "index is of another machine": (
        lambda model: (model / _INDEX).write_bytes((model / _INDEX).read_bytes()[::-1]),
        ("not an sstable",),
    ),
    "shard is missing": (_without(_DATA), (_DATA, "No such file")),
    "shard is cut": (_cut(_DATA), ("Read less bytes than requested",)),
    "shard is empty": (_holding(_DATA, b""), ("Read less bytes than requested",)),
    "shard is damaged": (_inverted(_DATA), ("checksum does not match",)),
    "asset is missing": (_without(_ASSET), (_ASSET, "No such file")),
    "asset is empty": (_holding(_ASSET, b""), ("Read less bytes than requested",)),
    "asset is a folder": (_folder(_ASSET), (_ASSET, "Is a directory")),
    "asset has a word twice": (_holding(_ASSET, b"a\na\n"), ("different value for same key",)),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_damaged_saved_model_is_refused(
    name: str, whole: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    damage, words = _DAMAGES[name]
    model = shutil.copytree(whole, tmp_path / "model")
    damage(model)
    words = (str(model), "cannot be read", *words, "every file of it was copied")
    check_not_converted(Refusal(SourceModelError, words), model, tmp_path)
    with pytest.raises(SourceModelError):
        load_signature(model, "serving_default")


def test_op_of_no_library_is_named(whole: pathlib.Path, tmp_path: pathlib.Path) -> None:
    model = shutil.copytree(whole, tmp_path / "model")
    _node("Relu", lambda node: setattr(node, "op", "NoSuchOp"))(model)
    words = (str(model), "the op 'NoSuchOp', which is not registered", "import_modules")
    check_not_converted(Refusal(SourceModelError, words), model, tmp_path)
    with pytest.raises(SourceModelError, match="'NoSuchOp'"):
        load_signature(model, "serving_default")


_HOSTILE: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "asset is a file of the machine": (_asset("/etc/hostname"), ("'/etc/hostname'", "'assets'")),
    "asset is outside": (_asset("../../secret"), ("'../../secret'", "one of its assets")),
    "graph has no objects, so that a file's name is in a variable": (
        _edited(lambda graph: graph.ClearField("object_graph_def")),
        ("InitializeTableFromTextFileV2", "is not one of the model's assets"),
    ),
    "link leads to a file of the machine": (
        _linked("assets/more", "/etc/hostname"),
        ("assets/more", "found a link to '/etc/hostname'"),
    ),
    "link leads out": (_linked(_ASSET, "../../secret"), (_ASSET, "a link to '../../secret'")),
    "link leads to its own folder": (_linked("assets/loop", ".."), ("assets/loop", "'..'")),
    "link leads nowhere": (_linked("assets/more", "nowhere"), ("found a link to 'nowhere'",)),
    "link leads to itself": (_linked("assets/more", "more"), ("found a link to 'more'",)),
    "pipe waits for ever": (
        lambda model: os.mkfifo(model / "assets" / "pipe"),
        ("assets/pipe", "found a special file"),
    ),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_file_outside_the_saved_model_is_not_published(
    name: str, whole: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    damage, words = _HOSTILE[name]
    (tmp_path / "secret").write_text("alpha\nsecret\n")
    model = shutil.copytree(whole, tmp_path / "model")
    damage(model)
    check_not_converted(Refusal(SourceModelError, words), model, tmp_path)


def test_link_out_of_the_saved_model_is_not_published_with_include_saved_model(
    whole: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    model = shutil.copytree(whole, tmp_path / "model")
    (model / "keys").symlink_to("/etc/hostname")
    config = write_config(tmp_path, "output { include_saved_model: true }")
    refusal = Refusal(SourceModelError, ("model/keys", "'/etc/hostname'", "Delete it"))
    check_not_converted(refusal, model, tmp_path, "--config", config)


def _missing(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "nothing"


def _empty(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def _file(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "file").write_bytes(b"no folder")
    return tmp_path / "file"


def _loop(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path / "loop"


_OTHERS: dict[
    str, tuple[Callable[[pathlib.Path], object], type[RewriterError], tuple[str, ...]]
] = {
    "missing folder": (_missing, SourceModelError, ("no SavedModel in", _PB, "found nothing")),
    "empty folder": (_empty, SourceModelError, ("no SavedModel in", "found nothing")),
    "file": (_file, SourceModelError, ("expected a folder with", "found a file")),
    "link to itself": (_loop, SourceModelError, ("no SavedModel in", "found nothing")),
    "name that is too long": (lambda _: "x" * 300, StorageError, ("File name too long", "shorter")),
    "unknown file system": (
        lambda _: "nosuch://model",
        StorageError,
        ("'nosuch'", "file system that TensorFlow supports"),
    ),
}


@pytest.mark.parametrize("name", _OTHERS)
def test_folder_without_a_saved_model_is_refused(name: str, tmp_path: pathlib.Path) -> None:
    make, error, words = _OTHERS[name]
    check_not_converted(Refusal(error, words), make(tmp_path), tmp_path)


def test_unknown_signature_is_refused(whole: pathlib.Path, tmp_path: pathlib.Path) -> None:
    config = write_config(tmp_path, 'signature_key: "predict"')
    refusal = Refusal(SourceModelError, ("no signature 'predict'", "'serving_default'"))
    check_not_converted(refusal, whole, tmp_path, "--config", config)


_DESTINATIONS: dict[str, tuple[Callable[[pathlib.Path], object], tuple[str, ...]]] = {
    "file": (_file, ("Not a directory", "Name an existing folder")),
    "in a file": (lambda tmp_path: _file(tmp_path) / "output", ("Not a directory",)),
    "link to nowhere": (_loop, ("Too many levels",)),
    "without a name": (lambda _: "", ("Not a directory ('')",)),
    "name that is too long": (lambda tmp_path: tmp_path / ("x" * 300), ("File name too long",)),
    "unknown file system": (lambda _: "nosuch://output", ("'nosuch'",)),
}


@pytest.mark.parametrize("name", _DESTINATIONS)
def test_destination_that_is_none_is_refused_at_once(
    name: str, whole: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfx_tflite_component.rewriting.rewrite.rewrite", pytest.fail)
    make, words = _DESTINATIONS[name]
    destination = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    check_refused(Refusal(StorageError, words), "convert", whole, destination)
    assert sorted(tmp_path.iterdir()) == before


def test_words_that_are_no_text_are_looked_up_as_they_are(
    whole: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    model = shutil.copytree(whole, tmp_path / "model")
    (model / _ASSET).write_bytes(b"al\xffpha\n\xc3(\ngamma\n")
    words = [b"al\xffpha", b"\xc3(", b"gamma", b"unknown"]
    examples = write_records(
        tmp_path / "examples", [example(size=[0.5, -1.0], word=[word]) for word in words]
    )
    check_converted(model, tmp_path, "--examples", examples)
