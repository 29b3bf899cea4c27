"""The schema of `.tflite` files that TensorFlow has generated, without importing TensorFlow.

Importing TensorFlow takes many seconds, and this one file of it needs only flatbuffers and NumPy.
"""

import importlib.util
import pathlib
from types import ModuleType
from typing import TYPE_CHECKING

_MODULE = "tensorflow.lite.python.schema_py_generated"


def _load() -> ModuleType:
    package, _, inner = _MODULE.partition(".")
    tensorflow = importlib.util.find_spec(package)
    if tensorflow is None or not tensorflow.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    folder = pathlib.Path(tensorflow.submodule_search_locations[0])
    path = folder.joinpath(*inner.split(".")).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(f"{__name__}_generated", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from tensorflow.lite.python import schema_py_generated as schema
else:
    schema = _load()
