"""That what is made of words before they are dense is what TensorFlow makes of dense ones."""

import pathlib

import models
import numpy as np
import pytest
import tensorflow as tf
from contract import Conversion, check_inputs
from lowerings import Compute, Lowered, converted, split_lowered
from versions import LARGEST_CONSTANT

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.tflite.interpreter import TFLiteModel

_INDICES = np.array([[0, 0], [0, 1], [2, 0]])
_WORDS = np.array([b"a", b"unknown", b"b"], object)


class _Tables(tf.Module):
    """Tables from two words to values of several types."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = _table(tf.constant([5, 7], tf.int64), -2)
        self.floats = _table([0.5, -0.0], LARGEST_CONSTANT)
        self.truths = _table([True, False], True)
        self.words = _table(["b", "c"], "d")


def _table(values: object, default: object) -> tf.lookup.StaticHashTable:
    initializer = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant(values))
    return tf.lookup.StaticHashTable(initializer, default)


def _converted(
    folder: pathlib.Path, compute: Compute, tables: tf.Module | None = None, default: str = "-"
) -> Lowered:
    """Converts a function of words that `tf.sparse.to_dense` has made dense."""

    def of_sparse(indices: tf.Tensor, words: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        return compute(tf.sparse.to_dense(tf.SparseTensor(indices, words, shape), default))

    sparse = ([None, 2], tf.int64), ([None], tf.string), ([2], tf.int64)
    return converted(folder, of_sparse, *sparse, module=tables)


def _check(lowered: Lowered) -> None:
    """Compares with and without gaps, with rows and columns of gaps, and on gaps alone."""
    assert lowered.split.lowered["words"]
    lowered.check_same(_INDICES, _WORDS, np.array([3, 2]))
    lowered.check_same(_INDICES, _WORDS, np.array([5, 4]))
    lowered.check_same(_INDICES[:2], _WORDS[:2], np.array([1, 2]))
    lowered.check_same(_INDICES[:0], _WORDS[:0], np.array([2, 2]))


@pytest.mark.parametrize("default", ["", "a"])
def test_numbers_looked_up(default: str, tmp_path: pathlib.Path) -> None:
    tables = _Tables()
    lowered = _converted(tmp_path, tables.numbers.lookup, tables, default)
    assert "SparseToDense of " in lowered.refused()
    _check(lowered)


@pytest.mark.parametrize("values", ["floats", "truths"])
def test_other_values_looked_up(values: str, tmp_path: pathlib.Path) -> None:
    tables = _Tables()
    _check(_converted(tmp_path, getattr(tables, values).lookup, tables))


@pytest.mark.parametrize(
    "compare",
    [
        pytest.param(lambda x: tf.equal(x, "a"), id="equal"),
        pytest.param(lambda x: tf.not_equal("-", x), id="not equal, the other way round"),
    ],
)
def test_comparison_with_a_word(compare: Compute, tmp_path: pathlib.Path) -> None:
    _check(_converted(tmp_path, compare))


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda x: tf.reshape(x, [-1]), id="reshape"),
        pytest.param(lambda x: tf.squeeze(tf.expand_dims(x, 1), 1), id="expand_dims, squeeze"),
        pytest.param(lambda x: x[::-1, 1], id="slice"),
        pytest.param(
            lambda x: tf.reshape(tf.expand_dims(x, 1)[:, :, :1], tf.shape(x)[:1]), id="together"
        ),
    ],
)
def test_words_may_move_in_between(move: Compute, tmp_path: pathlib.Path) -> None:
    tables = _Tables()
    _check(_converted(tmp_path, lambda x: tables.numbers.lookup(move(x)), tables))


@pytest.mark.parametrize(
    ("measure", "dtype"), [(tf.shape, tf.int32), (tf.shape, tf.int64), (tf.size, tf.int32)]
)
def test_shape_and_size(measure: Compute, dtype: tf.DType, tmp_path: pathlib.Path) -> None:
    _check(_converted(tmp_path, lambda x: measure(x[:, 1:], out_type=dtype)))


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda tables, x: x, id="words passed on"),
        pytest.param(lambda tables, x: tables.words.lookup(x), id="words looked up"),
        pytest.param(lambda tables, x: tf.equal(x, ["a", "b"]), id="compared with several words"),
        pytest.param(lambda tables, x: tf.equal(x, x[:1]), id="compared with one another"),
    ],
)
def test_unsupported_cases_are_unchanged(compute: Compute, tmp_path: pathlib.Path) -> None:
    tables = _Tables()
    with pytest.raises(UnsupportedOpsError, match="SparseToDense of "):
        _converted(tmp_path, lambda x: compute(tables, x), tables)


def test_feature_that_is_made_dense_and_used_in_another_way(tmp_path: pathlib.Path) -> None:
    tables = _Tables()

    def compute(parsed: dict[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
        words = parsed["words"]
        rows = tf.SparseTensor(words.indices, words.values, [words.dense_shape[0], 3])
        numbers = tf.SparseTensor(
            words.indices, tables.numbers.lookup(words.values), words.dense_shape
        )
        return {
            "dense": tables.numbers.lookup(tf.sparse.to_dense(rows, "")),
            "sum": tf.reduce_sum(tf.sparse.to_dense(numbers), axis=1),
        }

    features = {"words": tf.io.VarLenFeature(tf.string)}
    folder = models.save_parsing(tmp_path / "model", features, compute, tables)
    signature = load_signature(folder, "serving_default")
    parts = split_lowered(signature)
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(parts.tail, read_config("")))
    conversion = Conversion(signature, parts, path, TFLiteModel(path))
    rows = [["a", "b", "c"], [], ["b"]]
    for batch in (rows, rows[:1], rows[1:2]):
        examples = tf.constant([models.example(words=row) for row in batch])
        check_inputs(conversion, {"examples": examples}, parts.head.function(examples))
