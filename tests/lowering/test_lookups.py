"""That the tables which TFLite lacks are made of those that it has, and find the same."""

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import models
import numpy as np
import pytest
import tensorflow as tf
from lowerings import Compute, Lowered, converted, split_lowered
from versions import LARGEST_CONSTANT

from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.graph.saved_model import load_signature

_WORDS = np.array([b"a", b"", b"zero at the end\0", b"\xc3\xa9"], object)
_OTHER_WORDS = np.array([b"A", b" ", b"zero at the end", b"0", b"1"], object)
_INT64 = np.array([-(2**63), -1, 5, 2**63 - 1])
_OTHER_INT64 = np.array([-(2**63) + 1, 0, 4, 6, 5 + 2**32, 2**63 - 2])
_INT32 = np.int32([-(2**31), -1, 5, 2**31 - 1])
_OTHER_INT32 = np.int32([-(2**31) + 1, 0, 4, 6, 2**31 - 2])
_OTHERS = {"int32": _OTHER_INT32, "int64": _OTHER_INT64, "object": _OTHER_WORDS}

_TO_FLOAT32 = np.float32([0.5, LARGEST_CONSTANT, -0.0, np.nan]), -LARGEST_CONSTANT
_TO_INT32 = np.int32([2**31 - 1, 0, -1, 0]), -(2**31)
_TO_INT64 = np.array([2**63 - 1, 0, -1, 0]), -(2**63)
_TO_BOOL = np.array([True, False, False, True]), True
_TO_WORDS = np.array([b"", b"x\0", b"x", b"x"], object), b"none\0"


def _table(keys: Any, values: Any, default: Any) -> tf.lookup.StaticHashTable:
    initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(values))
    return tf.lookup.StaticHashTable(initializer, default)


def _squares() -> tf.lookup.StaticHashTable:
    return _table(np.arange(4), np.arange(4) ** 2, -1)


def _mutable() -> tf.lookup.experimental.MutableHashTable:
    table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, -1)
    table.insert(np.arange(4), np.arange(4) ** 2)
    return table


def _of_lines(path: pathlib.Path) -> tf.lookup.StaticHashTable:
    """What TF Transform's vocabularies of integers are read by."""
    path.write_text("3\n2\n1\n")
    index = tf.lookup.TextFileIndex
    initializer = tf.lookup.TextFileInitializer(
        str(path), tf.int64, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
    )
    return tf.lookup.StaticHashTable(initializer, -1)


def _converted(
    folder: pathlib.Path, table: Any, compute: Compute | None = None, rank: int = 1
) -> Lowered:
    module = tf.Module()
    module.table = table
    return converted(
        folder, compute or table.lookup, ([None] * rank, table.key_dtype), module=module
    )


@pytest.mark.parametrize(
    ("keys", "values", "default"),
    [
        pytest.param(_INT64, *_TO_INT64, id="int64 to int64"),
        pytest.param(_INT64, *_TO_INT32, id="int64 to int32"),
        pytest.param(_INT64, *_TO_FLOAT32, id="int64 to float32"),
        pytest.param(_INT32, *_TO_INT32, id="int32 to int32"),
        pytest.param(_INT32, *_TO_FLOAT32, id="int32 to float32"),
        pytest.param(_INT32, *_TO_WORDS, id="int32 to words"),
        pytest.param(_WORDS, *_TO_INT32, id="words to int32"),
        pytest.param(_WORDS, *_TO_FLOAT32, id="words to float32"),
        pytest.param(_WORDS, *_TO_BOOL, id="words to bool"),
        pytest.param(_WORDS, *_TO_WORDS, id="words to words"),
    ],
)
def test_lookups_match_tensorflow(
    keys: np.ndarray, values: np.ndarray, default: Any, tmp_path: pathlib.Path
) -> None:
    lowered = _converted(tmp_path, _table(keys, values, default))
    assert len(lowered.split.lowered["lookups"]) == 1
    assert "LookupTableFindV2, available as a Select TF op" in lowered.refused()
    others = _OTHERS[keys.dtype.name]
    for batch in (np.concatenate([keys, others, keys[::-1]]), keys[:1], others[:1], keys[:0]):
        lowered.check_same(batch)


@pytest.mark.parametrize(
    "shapes", [[()], [(1, 1), (0, 2), (2, 3)], [(1, 3, 2), (1, 0, 2)]], ids=["0", "2", "3"]
)
def test_keeps_the_shape_of_the_keys(shapes: list[tuple[int, ...]], tmp_path: pathlib.Path) -> None:
    lowered = _converted(tmp_path, _squares(), rank=len(shapes[0]))
    for shape in shapes:
        lowered.check_same(np.resize([3, 7, 0], shape))


@pytest.mark.parametrize("kind", ["mutable", "file"])
def test_table_of_another_kind(kind: str, tmp_path: pathlib.Path) -> None:
    table = _mutable() if kind == "mutable" else _of_lines(tmp_path / "vocabulary.txt")
    _converted(tmp_path, table).check_same(np.arange(-1, 5))


@pytest.mark.slow
def test_same_few_ops_find_among_many_keys(tmp_path: pathlib.Path) -> None:
    random = np.random.default_rng(0)
    keys = np.unique(random.integers(-(2**63), 2**63 - 1, 100_000))
    (tmp_path / "few").mkdir()
    few = _converted(tmp_path / "few", _squares())
    many = _converted(tmp_path, _table(keys, random.permutation(len(keys)), -1))
    many.check_same(np.concatenate([keys[::1000], keys[::1000] + 1]))
    assert many.ops == few.ops
    content_bytes = 16 * len(keys)
    assert many.path.stat().st_size < 3 * content_bytes


def test_lookups_share_the_tables_made_for_them(tmp_path: pathlib.Path) -> None:
    table = _squares()
    lowered = _converted(tmp_path, table, lambda x: table.lookup(x) - table.lookup(x + 1))
    lowered.check_same(np.arange(-2, 5))
    assert len(lowered.split.lowered["lookups"]) == 2
    assert lowered.ops.count("HASHTABLE_IMPORT") == 2


def test_tables_may_be_chained(tmp_path: pathlib.Path) -> None:
    first, module = _squares(), tf.Module()
    module.first, module.second = first, _table(np.array([4, 9]), [0.5, 0.25], -1.0)
    lowered = converted(
        tmp_path,
        lambda x: module.second.lookup(module.first.lookup(x)),
        ([None], tf.int64),
        module=module,
    )
    lowered.check_same(np.arange(-1, 5))


def test_size_of_the_table(tmp_path: pathlib.Path) -> None:
    table = _squares()
    lowered = _converted(tmp_path, table, lambda x: table.lookup(x) + 100 * table.size())
    lowered.check_same(np.arange(-1, 5))


def test_table_of_tf1(tmp_path: pathlib.Path) -> None:
    def build(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        initializer = tf.lookup.KeyValueTensorInitializer(np.arange(4), np.arange(4) ** 2)
        table = tf.compat.v1.lookup.StaticHashTable(initializer, -1)
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([], tf.int64)})
        return {"y": table.lookup(parsed["x"])}

    signature = load_signature(models.save_tf1(tmp_path / "model", build), "serving_default")
    parts = split_lowered(signature)
    assert len(parts.lowered["lookups"]) == 1
    examples = tf.constant([models.example(x=[x]) for x in range(-1, 5)])
    taken = parts.head.function(examples)
    found = parts.tail.function(
        **{plain: taken[name] for plain, name in parts.tail.input_names.items()}
    )
    np.testing.assert_array_equal(found["output_0"], signature(examples=examples)["y"])


def test_integer_lookup_of_keras(tmp_path: pathlib.Path) -> None:
    module = tf.Module()
    module.layer = keras.layers.IntegerLookup(vocabulary=[1, 2, 5, -7], num_oov_indices=2)
    lowered = converted(tmp_path, module.layer, ([None, 3], tf.int64), module=module)
    lowered.check_same(np.array([[1, 2, 3], [-7, -8, 2**40 + 1], [5, 5, 0]]))


def _look_up_in_branches(table: Any, x: tf.Tensor) -> tf.Tensor:
    return tf.cond(tf.size(x) > 3, lambda: table.lookup(x), lambda: -table.lookup(x))


def _look_up_with_computed_default(table: Any, x: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.LookupTableFindV2(
        table_handle=table.resource_handle, keys=x, default_value=tf.size(x, tf.int64)
    )


@pytest.mark.parametrize("compute", [_look_up_in_branches, _look_up_with_computed_default])
def test_error_lists_the_supported_tables(
    compute: Callable[[Any, tf.Tensor], tf.Tensor], tmp_path: pathlib.Path
) -> None:
    table = _squares()
    with pytest.raises(UnsupportedOpsError, match="use lookup tables with string or integer keys"):
        _converted(tmp_path, table, lambda x: compute(table, x))
