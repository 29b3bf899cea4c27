"""Ops of libraries that have to be imported first."""

import pathlib
import sys

import models
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from tfx_tflite_component.config import given_config
from tfx_tflite_component.errors import ConfigError, SourceModelError
from tfx_tflite_component.graph.op_libraries import import_op_libraries
from tfx_tflite_component.graph.saved_model import load_signature


def test_modules_are_imported_in_order(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first_library.py").write_text("")
    (tmp_path / "second_library.py").write_text("import sys; assert 'first_library' in sys.modules")
    monkeypatch.syspath_prepend(tmp_path)
    import_op_libraries(["first_library", "second_library"])
    assert "second_library" in sys.modules


def test_module_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(ConfigError, match="no_such_library"):
        import_op_libraries(["no_such_library"])


@pytest.mark.parametrize("name", ["", "a b", "a/b.py", "a..b"])
def test_name_that_no_module_has_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="import_modules"):
        given_config({"import_modules": [name]})


def test_op_that_is_not_registered_is_named_with_the_field(tmp_path: pathlib.Path) -> None:
    spec = tf.TensorSpec([None], tf.float32, "x")
    folder = models.save(tmp_path / "model", lambda x: {"y": tf.nn.softplus(x)}, spec)
    file = folder / "saved_model.pb"
    saved_model = SavedModel.FromString(file.read_bytes())
    bodies = saved_model.meta_graphs[0].graph_def.library.function
    for node in (node for body in bodies for node in body.node_def):
        node.op = node.op.replace("Softplus", "OpOfAnotherLibrary")
    file.write_bytes(saved_model.SerializeToString())
    with pytest.raises(SourceModelError, match=r"OpOfAnotherLibrary.*import_modules"):
        load_signature(folder, "serving_default")
