"""Models into which another tool wrote metadata."""

import dataclasses
import shutil
import zipfile

import numpy as np
import tensorflow as tf
from contract import convert_model
from models import save

from tfx_tflite_component.tflite.inspection import inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel


def test_appended_label_file_changes_neither_facts_nor_numbers(tmp_path):
    spec = tf.TensorSpec([None, 4], tf.float32, "x")
    plain = convert_model(save(tmp_path / "model", lambda x: {"y": tf.exp(x)}, spec)).path
    described = tmp_path / "described.tflite"
    shutil.copyfile(plain, described)
    with zipfile.ZipFile(described, "a") as files:
        files.writestr("labels.txt", "one\ntwo\nthree\nfour\n")

    found, expected = inspect(described), inspect(plain)
    assert found.sha256 != expected.sha256
    assert found.size_bytes > expected.size_bytes
    same = {"sha256": expected.sha256, "size_bytes": expected.size_bytes}
    assert dataclasses.replace(found, **same) == expected
    x = np.array([[0.0, 1.0, -1.0, 2.0]], np.float32)
    np.testing.assert_array_equal(
        TFLiteModel(described)({"x": x})["y"], TFLiteModel(plain)({"x": x})["y"]
    )
