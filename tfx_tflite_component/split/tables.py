"""Lookup tables, rebuilt from their content so that they are filled in the TFLite model.

TF Transform keeps the name of a vocabulary's file in a variable. Saving such a table again ends in
a model that converts without any error and finds its table empty when it runs.
"""

import tensorflow as tf

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.split.graph import FlatGraph, NodeDef

_TABLE_OPS = ("HashTableV2", "MutableHashTableV2", "MutableDenseHashTableV2")
_FIND, _SIZE = "LookupTableFindV2", "LookupTableSizeV2"


def rebuild_tables(
    graph: FlatGraph, nodes: list[str]
) -> tuple[dict[str, tf.Tensor], list[tf.lookup.StaticHashTable]]:
    """Rebuilds the lookup tables that some nodes of a graph read.

    Args:
        graph: The graph.
        nodes: The names of the nodes.

    Returns:
        The handle of a filled table for each tensor that was a table's handle, and the tables.

    Raises:
        SplitError: A table's content cannot be read.
    """
    handles: dict[str, tf.Tensor] = {}
    tables = []
    for tensor, find in _lookups(graph, nodes).items():
        table = _rebuilt(graph, tensor, find)
        handles[tensor] = table.resource_handle
        tables.append(table)
    return handles, tables


def _lookups(graph: FlatGraph, nodes: list[str]) -> dict[str, NodeDef]:
    """One lookup for each table handle; only a lookup names the types of keys and values."""
    lookups: dict[str, NodeDef] = {}
    for name in sorted(nodes):
        node = graph.nodes[name]
        if node.op == _FIND:
            lookups.setdefault(graph.origin(node.input[0]), node)
    for name in nodes:
        node = graph.nodes[name]
        if node.op == _SIZE and graph.origin(node.input[0]) not in lookups:
            raise SplitError(
                f"Op {node.name!r} asks for the size of a lookup table that no other op looks "
                "anything up in, so that the types of its content are not known. Replace the "
                "size by a constant in the serving function."
            )
    return lookups


def _rebuilt(graph: FlatGraph, tensor: str, find: NodeDef) -> tf.lookup.StaticHashTable:
    key_dtype, value_dtype = (tf.dtypes.as_dtype(find.attr[name].type) for name in ("Tin", "Tout"))
    try:
        keys, values = tf.raw_ops.LookupTableExportV2(
            table_handle=_restored_handle(graph, tensor), Tkeys=key_dtype, Tvalues=value_dtype
        )
    except tf.errors.OpError as e:
        raise SplitError(
            f"The lookup table of op {find.name!r} cannot be read: {e.message}. "
            "Check that the SavedModel was saved with its table initialized."
        ) from e
    # a lookup brings its own default along, this one is never used
    default = tf.zeros([], value_dtype) if value_dtype != tf.string else ""
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default)


def _restored_handle(graph: FlatGraph, tensor: str) -> tf.Tensor:
    if tensor in graph.captures:
        return graph.captures[tensor]
    node = graph.node(tensor)
    if node.op not in _TABLE_OPS:
        raise SplitError(
            f"Op {node.name!r} ({node.op}) makes a lookup table in a way that is not known. "
            f"Use a table made by one of {', '.join(_TABLE_OPS)}."
        )
    # a TF1 SavedModel makes its tables in the graph; the name finds the one that is initialized
    return tf.raw_ops.HashTableV2(
        key_dtype=node.attr["key_dtype"].type,
        value_dtype=node.attr["value_dtype"].type,
        shared_name=node.attr["shared_name"].s,
        container=node.attr["container"].s,
    )
