"""Lookup tables, filled in the TFLite model."""

import pytest
import tensorflow as tf
from contract import SELECT_TF_OPS, check_contract, split_model
from models import example, save_parsing, save_tf1

from tfx_tflite_component.errors import SplitError

_WORDS = [example(key=[word]) for word in ("a", "b", "c", "unknown", "")]
_NUMBERS = [example(key=[number]) for number in (5, 7, 2**40, -1)]
_WORD_KEY = {"key": tf.io.FixedLenFeature([], tf.string)}


def _static(keys, values, default) -> tf.lookup.StaticHashTable:
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(values)), default
    )


def _word_numbers() -> tf.lookup.StaticHashTable:
    return _static(["a", "b"], tf.constant([5, 7], tf.int64), -2)


def _number_words() -> tf.lookup.StaticHashTable:
    return _static(tf.constant([5, 7, 2**40], tf.int64), ["five", "seven", ""], "none")


def _mutable() -> tf.lookup.experimental.MutableHashTable:
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -3)
    table.insert(["a", "b"], tf.constant([1, 2], tf.int64))
    return table


def _vocabulary(path) -> tf.lookup.TextFileInitializer:
    path.write_text("a\nb\nc\n")
    return tf.lookup.TextFileInitializer(
        str(path),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )


def _save_lookup(folder, table, use=lambda table, key: table.lookup(key)):
    module = tf.Module()
    module.table = table
    features = {"key": tf.io.FixedLenFeature([], table.key_dtype)}
    return save_parsing(folder, features, lambda parsed: {"y": use(table, parsed["key"])}, module)


@pytest.mark.parametrize(
    ("make", "examples", "config"),
    [
        (_word_numbers, _WORDS, ""),
        (_number_words, _NUMBERS, ""),
        (_mutable, _WORDS, ""),
        (lambda: _static(["a", "b"], [0.5, 0.25], 9.0), _WORDS, SELECT_TF_OPS),
        (lambda: _static(["a", "b"], ["c", "d"], "e"), _WORDS, SELECT_TF_OPS),
    ],
    ids=["words to numbers", "numbers to words", "mutable", "words to floats", "words to words"],
)
def test_table_is_filled(tmp_path, make, examples, config):
    check_contract(_save_lookup(tmp_path / "model", make()), examples, config)


def test_table_of_an_asset_file_is_filled_without_the_file(tmp_path):
    table = tf.lookup.StaticHashTable(_vocabulary(tmp_path / "vocabulary.txt"), -1)
    model = _save_lookup(tmp_path / "model", table)
    conversion = check_contract(model, _WORDS)
    found = conversion.model({"key": tf.constant(["c", "a", "unknown"]).numpy()})
    assert found["y"].tolist() == [2, 0, -1]


def test_unknown_words_of_a_vocabulary_table_go_to_its_buckets(tmp_path):
    table = tf.lookup.StaticVocabularyTable(_vocabulary(tmp_path / "vocabulary.txt"), 2)
    check_contract(_save_lookup(tmp_path / "model", table), _WORDS, SELECT_TF_OPS)


def test_one_table_may_be_looked_up_in_several_times(tmp_path):
    def use(table, key):
        return table.lookup(key) * 10 + table.lookup(tf.strings.join([key, ""]))

    check_contract(_save_lookup(tmp_path / "model", _word_numbers(), use), _WORDS, SELECT_TF_OPS)


def test_tables_may_be_chained(tmp_path):
    module = tf.Module()
    module.first, module.second = _word_numbers(), _number_words()
    model = save_parsing(
        tmp_path / "model",
        _WORD_KEY,
        lambda parsed: {"y": module.second.lookup(module.first.lookup(parsed["key"]))},
        module,
    )
    check_contract(model, _WORDS)


def test_size_of_a_table_is_right(tmp_path):
    def use(table, key):
        return table.lookup(key) + 100 * table.size()

    check_contract(_save_lookup(tmp_path / "model", _word_numbers(), use), _WORDS)


def _in_cond(table, key):
    return tf.cond(tf.size(key) > 3, lambda: table.lookup(key), lambda: -table.lookup(key))


def _in_while(table, key):
    def step(i, total):
        return i + 1, total + table.lookup(key)

    total = tf.zeros([tf.size(key)], tf.int64)
    return tf.while_loop(lambda i, _: i < 3, step, (0, total))[1]


@pytest.mark.parametrize("use", [_in_cond, _in_while])
def test_table_inside_control_flow_is_filled(tmp_path, use):
    model = _save_lookup(tmp_path / "model", _word_numbers(), use)
    check_contract(model, _WORDS, SELECT_TF_OPS)


@pytest.mark.parametrize("kind", ["file", "constants", "mutable"])
def test_table_of_tf1_is_filled(tmp_path, kind):
    inserted = []

    def build(examples):
        if kind == "file":
            initializer = _vocabulary(tmp_path / "vocabulary.txt")
            table = tf.compat.v1.lookup.StaticHashTable(initializer, -1)
        elif kind == "constants":
            initializer = tf.lookup.KeyValueTensorInitializer(["a"], tf.constant([5], tf.int64))
            table = tf.compat.v1.lookup.StaticHashTable(initializer, -1)
        else:
            table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -3)
            inserted.append(table.insert(["a"], tf.constant([5], tf.int64)))
        return {"y": table.lookup(tf.io.parse_example(examples, _WORD_KEY)["key"])}

    def initialize():
        return tf.group(tf.compat.v1.tables_initializer(), *inserted)

    check_contract(save_tf1(tmp_path / "model", build, initialize), _WORDS)


def test_size_of_a_table_without_lookups_is_refused_by_name(tmp_path):
    def use(table, key):
        return tf.cast(tf.equal(key, "a"), tf.int64) + table.size()

    model = _save_lookup(tmp_path / "model", _word_numbers(), use)
    with pytest.raises(SplitError, match=r"LookupTableSizeV2' .*neither a variable nor a lookup"):
        split_model(model)


def _dense() -> tf.lookup.experimental.DenseHashTable:
    table = tf.lookup.experimental.DenseHashTable(
        tf.string, tf.int64, -3, empty_key="", deleted_key="$"
    )
    table.insert(["a"], tf.constant([1], tf.int64))
    return table


def _of_vectors() -> tf.lookup.experimental.MutableHashTable:
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, [0, 0])
    table.insert(["a"], tf.constant([[1, 2]], tf.int64))
    return table


def _empty() -> tf.lookup.experimental.MutableHashTable:
    return tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)


@pytest.mark.parametrize("make", [_dense, _of_vectors, _empty])
def test_table_that_cannot_be_rebuilt_is_refused_by_name(tmp_path, make):
    model = _save_lookup(tmp_path / "model", make())
    with pytest.raises(SplitError, match=r"LookupTableFindV2' has keys of shape"):
        split_model(model)
