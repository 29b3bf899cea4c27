"""The model as a C array, and the registration of its ops."""

import pathlib
import re
import shutil
import subprocess

import pytest
import tensorflow as tf
from models import save
from versions import OF_NO_VERSION
from workers import WorkerInProcess

from tfx_tflite_component.app.micro_ops import registration
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.standalone.rewrite import rewrite_saved_model

pytestmark = OF_NO_VERSION

_C_ARRAY = "app { c_array: true }"
_X = tf.TensorSpec([1, 4], tf.float32, "x")


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A dense layer and a softmax."""
    weights = tf.constant(tf.random.stateless_normal([4, 3], seed=[1, 2]))
    folder = tmp_path_factory.mktemp("source") / "model"
    return save(folder, lambda x: {"y": tf.nn.softmax(x @ weights)}, _X)


@pytest.fixture(scope="module")
def written(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What a conversion into a folder wrote."""
    folder = tmp_path_factory.mktemp("written") / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        rewrite_saved_model(source, folder, _C_ARRAY)
    return folder


def test_array_is_the_model(written: pathlib.Path) -> None:
    text = (written / "model.cc").read_text()
    content = bytes(int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})", text))
    assert content == (written / "tflite").read_bytes()
    assert f"g_model_size = {len(content)};" in text


@pytest.mark.process
@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_array_compiles_and_is_aligned(written: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "main.cc").write_text(
        '#include <cstdint>\n#include <cstdio>\n#include "model.h"\n'
        "int main() { fwrite(g_model_data, 1, g_model_size, stdout);\n"
        "  return reinterpret_cast<uintptr_t>(g_model_data) % 16; }\n"
    )
    sources = [str(tmp_path / "main.cc"), str(written / "model.cc")]
    program = str(tmp_path / "main")
    subprocess.run(["g++", "-Wall", "-Werror", "-I", written, *sources, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, check=True)
    assert done.stdout == (written / "tflite").read_bytes()


def test_ops_of_the_model_are_registered(written: pathlib.Path) -> None:
    text = (written / "model_ops.h").read_text()
    assert re.findall(r"resolver\.(\w+)\(\)", text) == ["AddFullyConnected", "AddSoftmax"]
    assert "tflite::MicroMutableOpResolver<2>;" in text


def test_names_are_those_of_the_model_file(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    report = rewrite_saved_model(source, tmp_path / "2-key words.tflite", _C_ARRAY)
    names = ["2-key words.cc", "2-key words.h", "2-key words_ops.h"]
    assert report["app_files"] == names
    assert all((tmp_path / name).is_file() for name in names)
    assert "g_model_2_key_words_data[]" in (tmp_path / names[0]).read_text()
    assert "Model2KeyWordsOpResolver" in (tmp_path / names[2]).read_text()


def test_next_conversion_without_them_deletes_them(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    rewrite_saved_model(source, tmp_path / "small.tflite", _C_ARRAY)
    rewrite_saved_model(source, tmp_path / "small.tflite")
    assert not [path.name for path in tmp_path.iterdir() if path.suffix in (".cc", ".h")]


def test_op_that_micro_lacks_is_a_warning(tmp_path: pathlib.Path) -> None:
    save(tmp_path / "model", lambda x: {"y": tf.math.top_k(x, 2).values}, _X)
    report = rewrite_saved_model(tmp_path / "model", tmp_path / "out", _C_ARRAY)
    assert any("TOPK_V2" in warning for warning in report["warnings"])


def test_push_outside_a_pipeline_is_refused(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match=r"app\.push"):
        rewrite_saved_model(source, tmp_path / "out", "app { c_array: true push: true }")


@pytest.mark.parametrize(
    ("op", "method"),
    [
        ("CONV_2D", "AddConv2D"),
        ("LOGICAL_NOT", "AddLogicalNot"),
        ("RELU6", "AddRelu6"),
        ("L2_POOL_2D", "AddL2Pool2D"),
        ("BATCH_MATMUL", "AddBatchMatMul"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
    ],
)
def test_method_of_an_op(op: str, method: str) -> None:
    assert registration(op) == method
