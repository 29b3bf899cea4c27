"""The weights of a tail: gone while the converter has them from disk, and back after."""

import numpy as np
import pytest
import tensorflow as tf
from contract import split_model
from models import example, save_parsing

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.conversion.weight_offload import unloaded
from tfx_tflite_component.quantization.calibration import RepresentativeDataset
from tfx_tflite_component.tflite.interpreter import TFLiteModel

_VALUES = [
    np.array([[1.5, -2.0], [0.0, 4.0]], np.float32),
    np.array([True, False]),
    np.array(7, np.int64),
    np.array([b"a", b"bc"], object),
]


@pytest.fixture
def tail(tmp_path):
    """The tail of a model that reads variables of several types, and a table."""
    module = tf.Module()
    module.read = [tf.Variable(value) for value in _VALUES]
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer([1, 2], [3, 4], tf.int64, tf.int64), default_value=0
    )

    def compute(parsed):
        outputs = {f"{index}": tf.identity(read) for index, read in enumerate(module.read)}
        return {**outputs, "found": module.table.lookup(parsed["x"])}

    features = {"x": tf.io.FixedLenFeature([], tf.int64)}
    return split_model(save_parsing(tmp_path / "model", features, compute, module)).tail


def _values(tail):
    values = [
        tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype).numpy()
        for variable in tail.resources.variables_read
    ]
    return sorted(map(repr, values))


@pytest.mark.parametrize("fails", [False, True], ids=["done", "failed"])
def test_variables_are_empty_inside_and_filled_after(tail, tmp_path, fails):
    before = _values(tail)
    assert before == sorted(map(repr, [value[()] for value in _VALUES]))
    tf.saved_model.save(tail.resources, str(tmp_path / "saved"), signatures=tail.function)
    try:
        with unloaded(tail, tmp_path / "saved", kept=()):
            assert all("[]" in value for value in _values(tail))
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        assert fails
    assert _values(tail) == before
    (name,) = tail.input_names
    found = tail.function(**{name: tf.constant([2, 5], tf.int64)})
    assert {4, 0} in [set(output.numpy().ravel().tolist()) for output in found.values()]


def test_variables_that_are_kept_keep_their_values(tail, tmp_path):
    tf.saved_model.save(tail.resources, str(tmp_path / "saved"), signatures=tail.function)
    before, kept = _values(tail), tail.resources.variables_read[:2]
    with unloaded(tail, tmp_path / "saved", kept):
        assert sorted(repr(variable.numpy()) for variable in kept) == [
            value for value in _values(tail) if "[]" not in value
        ]
        assert len([value for value in _values(tail) if "[]" in value]) == 2
    assert _values(tail) == before


def test_head_can_be_calibrated_with_that_reads_a_variable_of_the_tail(tmp_path):
    module = tf.Module()
    module.shared = tf.Variable(tf.random.stateless_normal([8, 8], seed=[1, 2]))

    def compute(parsed):
        hidden = tf.matmul(parsed["x"], module.shared, name="hidden")
        return {"y": tf.matmul(tf.nn.relu(hidden), module.shared)}

    features = {"x": tf.io.FixedLenFeature([8], tf.float32)}
    model = save_parsing(tmp_path / "model", features, compute, module)
    config = {
        "input_boundary": "TENSORS",
        "boundary_tensors": {"hidden": "hidden"},
        "quantization": {"mode": "FULL_INTEGER"},
    }
    parts = split_model(model, config)
    examples = [example(x=row) for row in np.random.default_rng(0).standard_normal([20, 8])]
    dataset = RepresentativeDataset(parts, examples)
    kept = parts.head.resources.variables_read
    (tmp_path / "tflite").write_bytes(convert(parts.tail, read_config(config), dataset, kept))
    taken = parts.head.function(tf.constant(examples[:1]))["hidden"].numpy()
    found = TFLiteModel(tmp_path / "tflite")({"hidden": taken})["y"]
    expected = np.maximum(taken, 0) @ module.shared.numpy()
    np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())
