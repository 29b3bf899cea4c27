"""Builds lookup tables that TFLite lacks from the two kinds that it has.

TFLite has tables from strings to int64 and from int64 to strings. Keras' `IntegerLookup` and TF
Transform's vocabularies of integers have tables from int64 to int64.

1. With string keys, a TFLite table maps each key to a position, and the position selects the value.
   A string that is not in the table gets the position after the last, where the default is.
2. With integer keys, the other kind of TFLite table first maps each key to a unique string, and any
   other integer to the empty string, which is not a key.
3. The size of a table that is no longer used for lookups becomes a constant.
4. So a lookup takes the same few ops and the same time for any number and range of keys. The model
   contains the table, plus up to about 30 bytes per key.
5. Not changed are the two kinds that TFLite has, keys and values of other types, a default that is
   computed when the model runs, and lookups inside control flow.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.graph.tables import FIND, TABLE_SIZE, table_content, with_tables
from tfx_tflite_component.lowering.lowering_pass import Pass
from tfx_tflite_component.lowering.replacement import Replacement, replace

_KEYS = (tf.string, tf.int32, tf.int64)
_VALUES = (tf.bool, tf.float32, tf.int32, tf.int64, tf.string)
_BUILTIN = ((tf.string, tf.int64), (tf.int64, tf.string))


def _run(graph: FlatGraph) -> tuple[FlatGraph, list[str]]:
    finds = [node for node in graph.nodes.values() if node.op == FIND and _is_lowered(graph, node)]
    contents: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    for find in finds:
        table, *_ = graph.data_inputs(find)
        if table not in contents:
            keys, values = table_content(graph, table, find)
            made = {f"{find.name}/table_{i}": made for i, made in enumerate(_positions(keys))}
            graph = with_tables(graph, made)
            contents[table] = tuple(made), values
    replacements = {
        find.name: _replacement(graph, find, *contents[graph.data_inputs(find)[0]])
        for find in finds
    }
    for node in graph.nodes.values():
        if node.op == TABLE_SIZE and (content := contents.get(graph.data_inputs(node)[0])):
            size = len(content[1])
            replacements[node.name] = Replacement((), lambda size=size: tf.constant(size, tf.int64))
    return replace(graph, replacements), sorted(replacements)


def _is_lowered(graph: FlatGraph, find: NodeDef) -> bool:
    key, value = (tf.dtypes.as_dtype(find.attr[name].type) for name in ("Tin", "Tout"))
    if key not in _KEYS or value not in _VALUES or (key, value) in _BUILTIN:
        return False
    return graph.constant(find.input[2]) is not None


def _positions(keys: np.ndarray) -> list[tf.lookup.StaticHashTable]:
    """The tables that, applied in order, map a key to its position."""
    positions = np.arange(len(keys))
    if keys.dtype == object:
        return [_table(keys, positions, -1)]
    words = positions.astype(str).astype(object)
    return [_table(keys.astype(np.int64), words, ""), *_positions(words)]


def _table(keys: np.ndarray, values: np.ndarray, default: object) -> tf.lookup.StaticHashTable:
    initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(values))
    return tf.lookup.StaticHashTable(initializer, default)


def _replacement(
    graph: FlatGraph, find: NodeDef, tables: Sequence[str], values: np.ndarray
) -> Replacement:
    _, searched, default = graph.data_inputs(find)
    # an array of bytes would lose trailing zeros
    last = np.asarray(graph.constant(default), values.dtype).item()
    picked = np.array([*values, last], values.dtype)

    def look_up(*operands: tf.Tensor) -> tf.Tensor:
        *handles, found = operands
        found = tf.cast(found, tf.int64) if found.dtype == tf.int32 else found
        for handle in handles:
            missing = tf.constant(len(values), tf.int64) if found.dtype == tf.string else ""
            found = tf.raw_ops.LookupTableFindV2(
                table_handle=handle, keys=found, default_value=missing
            )
        return tf.gather(picked, found)

    return Replacement((*tables, searched), look_up)


PASS = Pass("lookups", _run)
