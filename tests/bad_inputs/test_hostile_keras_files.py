"""Keras files that are made to run code, to import modules or to read other files."""

import io
import os
import pathlib
import sys
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tf_keras
from bad_input import Refusal, check_refused
from keras_file import edit, edit_weights, members

from tfx_tflite_component.errors import SourceModelError

pytestmark = [
    pytest.mark.all_rows,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]
both_formats = pytest.mark.parametrize("suffix", [".keras", ".h5"])


class _Touch:
    """Runs a shell command when it is unpickled."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


def _check_refused(path: pathlib.Path, folder: pathlib.Path, *words: str) -> None:
    refusal = Refusal(SourceModelError, (path.name, *words))
    output = folder / "outputs" / "output"
    check_refused(refusal, "convert", output, "--keras-model", path)
    assert not output.parent.exists()


@pytest.fixture
def sneaky(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A file that a module on the path makes when it is imported."""
    trace = tmp_path / "trace"
    (tmp_path / "sneaky.py").write_text(
        f"open({str(trace)!r}, 'w').close()\n"
        "def relu(x): return x\n"
        "class Adam: pass\n"
        "TensorShape = TFOpLambda = Dense = Adam\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return trace


def _network(path: pathlib.Path) -> pathlib.Path:
    """A small model of Keras 2 in a file."""
    dense = tf_keras.layers.Dense(2, activation="relu")
    tf_keras.Sequential([tf_keras.Input([4], name="x"), dense]).save(str(path))
    return path


@pytest.mark.parametrize("name", ["model.weights.npz", "states.npz", "../model.weights.npz"])
def test_pickled_weights_are_not_read(name: str, tmp_path: pathlib.Path) -> None:
    path, trace = _network(tmp_path / "model.keras"), tmp_path / "trace"
    weights = io.BytesIO()
    hostile = np.array([_Touch(trace)], dtype=object)
    np.savez(weights, **{"layers/dense/vars": hostile, "__root__": hostile})
    with members(path) as content:
        del content["model.weights.h5"]
        content[name] = weights.getvalue()
    _check_refused(path, tmp_path, name, "model.save")
    assert not trace.exists()


_REGISTERED = "Custom>Adam"
# Each is looked up by one name, and passes for known by another.
_DISGUISED: Mapping[str, Mapping[str, Any]] = {
    "function": {
        **{"class_name": "function", "config": "relu"},
        **{"module": "sneaky", "registered_name": _REGISTERED},
    },
    "class by a registered class_name": {
        **{"class_name": _REGISTERED, "config": {}},
        **{"module": "sneaky", "registered_name": "Adam"},
    },
    "class by a public class_name": {
        **{"class_name": "Dense", "config": {"units": 2}},
        **{"module": "sneaky", "registered_name": None},
    },
    "value": {"class_name": "TensorShape", "config": {}, "module": "sneaky"},
    "call": {
        **{"class_name": "TFOpLambda", "module": "sneaky", "registered_name": None},
        "config": {"function": "nn.relu", "name": "relu"},
    },
    "type specification": {
        **{"class_name": "__typespec__", "spec_name": "Adam", "config": []},
        **{"module": "sneaky", "registered_name": _REGISTERED},
    },
    "private class of Keras": {
        **{"class_name": "ResidualWrapper", "registered_name": _REGISTERED},
        "config": {"residual_fn": "4wEAAA==", "residual_fn_type": "lambda"},
    },
    "class of another module of Keras": {
        **{"class_name": "Dense", "config": {}},
        **{"module": "keras.src.layers.core.lambda_layer", "registered_name": "Lambda"},
    },
    "function of another module of Keras": {
        **{"class_name": "Dense", "config": {}},
        **{"module": "keras.utils", "registered_name": "get_file"},
    },
    "builtin function of Python": {
        **{"class_name": "function", "config": "__loader__"},
        **{"module": "builtins", "registered_name": "function"},
    },
    "module whose name begins as that of Keras": {
        **{"class_name": "Dense", "config": {}},
        **{"module": "keras_sneaky.layers", "registered_name": None},
    },
}


@both_formats
@pytest.mark.parametrize("entry", _DISGUISED.values(), ids=_DISGUISED.keys())
@pytest.mark.parametrize("place", ["activation", "layer"])
def test_entry_that_is_looked_up_by_another_name_is_refused(
    suffix: str, entry: Mapping[str, Any], place: str, sneaky: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    def disguise(config: dict[str, Any]) -> None:
        layers = config["config"]["layers"]
        if place == "layer":
            layers[1] = dict(entry)
        else:
            layers[1]["config"]["activation"] = dict(entry)

    path = _network(tmp_path / f"model{suffix}")
    edit(path, disguise)
    _check_refused(path, tmp_path, "of the module", "register_keras_serializable")
    assert "sneaky" not in sys.modules
    assert not sneaky.exists()


def test_archive_that_fills_the_memory_is_refused(tmp_path: pathlib.Path) -> None:
    path = _network(tmp_path / "model.keras")
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("assets/words", "w") as member,
    ):
        for _ in range(260):
            member.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    _check_refused(path, tmp_path, "'assets/words'", "272629760 bytes")


@both_formats
def test_weights_that_fill_the_memory_are_refused(suffix: str, tmp_path: pathlib.Path) -> None:
    path = _network(tmp_path / f"model{suffix}")
    edit_weights(path, lambda weights: weights.create_dataset("added", (2**28,), np.float64))
    assert path.stat().st_size < 2**20
    _check_refused(path, tmp_path, "added'", "2147483648 bytes in 0")
