"""Nothing of a model is executed but TensorFlow graphs, and nothing of a config at all."""

import ast
import pathlib
from collections.abc import Iterator

import pytest
from versions import OF_NO_VERSION

import tfx_tflite_component

pytestmark = OF_NO_VERSION

_PACKAGE = pathlib.Path(tfx_tflite_component.__file__).parent
_SOURCES = sorted(_PACKAGE.rglob("*.py"))
# each makes code or objects of data, or hands words to a shell
_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "joblib", "imp", "pty"}
_BUILTINS = {"eval", "exec", "compile", "__import__"}
_CALLS = {
    ("os", "system"),
    ("os", "popen"),
    ("subprocess", "getoutput"),
    ("subprocess", "getstatusoutput"),
    ("yaml", "load"),
    ("yaml", "unsafe_load"),
    ("numpy", "load"),
    ("np", "load"),
}
# `np.load` unpickles objects unless the call itself says otherwise
_LOADS = {("numpy", "load"), ("np", "load")}


def _refuses_pickles(call: ast.Call) -> bool:
    """Whether a call is `np.load(..., allow_pickle=False)`."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=module), attr=name) if (module, name) in _LOADS:
            values = [word.value for word in call.keywords if word.arg == "allow_pickle"]
            return any(isinstance(v, ast.Constant) and v.value is False for v in values)
    return False


def _dangers(source: str) -> Iterator[str]:
    nodes = list(ast.walk(ast.parse(source)))
    safe = [node.func for node in nodes if isinstance(node, ast.Call) and _refuses_pickles(node)]
    for node in nodes:
        match node:
            case ast.Attribute() if node in safe:
                pass
            case ast.Import(names=names):
                yield from (a.name for a in names if a.name.partition(".")[0] in _MODULES)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in _MODULES:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in _BUILTINS:
                yield name
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (module, name) in _CALLS:
                yield f"{module}.{name}"
            case ast.keyword(arg="shell" | "allow_pickle" as name, value=value):
                if not (isinstance(value, ast.Constant) and value.value is False):
                    yield name


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.relative_to(_PACKAGE).as_posix())
def test_source_code_never_evaluates_data(path: pathlib.Path) -> None:
    assert list(_dangers(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from dill import loads",
        "eval(name)",
        "exec(name)",
        "__import__(name)",
        "os.system(name)",
        "subprocess.run(name, shell=True)",
        "np.load(name)",
        "read = np.load",
        "read(name, allow_pickle=True)",
    ],
)
def test_code_of_data_would_be_found(source: str) -> None:
    assert len(list(_dangers(source))) == 1


def test_load_that_refuses_pickles_is_allowed() -> None:
    assert list(_dangers("np.load(name, allow_pickle=False)")) == []
