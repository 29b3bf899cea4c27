"""The rooms of the package: who may import whom, and who may know what."""

import ast
import pathlib
from collections.abc import Iterator

import pytest
from pages import CHECKOUT
from versions import OF_NO_VERSION

pytestmark = OF_NO_VERSION

_PACKAGE = "tfx_tflite_component"
_FLOORS = (
    *("evaluation", "inference", "scoring", "components", "standalone", "targets", "worker"),
    *("keras_files", "rewriting", "app", "report", "quantization", "verification", "conversion"),
    *("samples", "split", "lowering", "graph", "tflite", "storage"),
)
"""The rooms from the top floor down; what is not among them lies under all of them."""

_KNOWN_BY = {
    "processes": (
        {"subprocess.", "multiprocessing.", "os.fork", "os.spawn"},
        {"worker", "targets"},
    ),
    "the converter": (
        {"tf.lite.TFLiteConverter", "tf.lite.Optimize", "tf.lite.OpsSet"},
        {"conversion", "quantization"},
    ),
    # the stand-alone scripts of `targets` run another environment's
    "an interpreter": ({"tf.lite.Interpreter", "ai_edge_litert."}, {"tflite", "targets"}),
    "artifacts": ({"tfx.types", "tfx.dsl.components"}, {"components"}),
}
"""What only some rooms may use, by the names that give it away."""

_PRIVATE = ("tensorflow.python.", "tensorflow.lite.python.", "tensorflow.compiler.")
_PRIVATE_ATTRIBUTES = {"_arg_keywords", "_experimental_disable_per_channel", "_captured_inputs"}


def _modules() -> list[pathlib.Path]:
    return sorted((CHECKOUT / _PACKAGE).rglob("*.py"))


def _room(module: str) -> str:
    """The room of a module, by its dotted name within the package."""
    return module.partition(".")[0]


def _name(path: pathlib.Path) -> str:
    return ".".join(path.relative_to(CHECKOUT / _PACKAGE).with_suffix("").parts)


def _imports(path: pathlib.Path) -> Iterator[str]:
    """The modules and names that a module imports, dotted."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _used(path: pathlib.Path) -> set[str]:
    """What a module imports, and the dotted names in it."""
    tree = ast.parse(path.read_text())
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | set(_imports(path))


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_room_imports_only_rooms_below_it(path: pathlib.Path) -> None:
    room = _room(_name(path))
    if room in ("__init__", "__main__"):
        return
    imported = {
        _room(name.removeprefix(f"{_PACKAGE}."))
        for name in _imports(path)
        if name.startswith(f"{_PACKAGE}.")
    }
    below = _FLOORS[_FLOORS.index(room) + 1 :] if room in _FLOORS else ()
    assert imported & {*_FLOORS} - {*below, room} == set()


@pytest.mark.parametrize("what", _KNOWN_BY)
def test_only_its_room_knows(what: str) -> None:
    names, rooms = _KNOWN_BY[what]
    strangers = {
        _name(path)
        for path in _modules()
        if _room(_name(path)) not in rooms
        and any(f"{used}.".startswith(name) for used in _used(path) for name in names)
    }
    assert strangers == set()


def test_every_room_has_a_docstring_of_one_sentence() -> None:
    for path in _modules():
        if path.name == "__init__.py" and path.parent.name != _PACKAGE:
            (docstring,) = ast.parse(path.read_text()).body
            assert ast.unparse(docstring).count("\\n") == 0


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_private_names_of_tensorflow_are_in_one_file(path: pathlib.Path) -> None:
    if _name(path) in ("tensorflow_internals", "tflite.schema", "targets.runtimes"):
        return
    private = [
        name
        for name in _used(path)
        if name.startswith(_PRIVATE) or name.rpartition(".")[2] in _PRIVATE_ATTRIBUTES
    ]
    assert private == []
