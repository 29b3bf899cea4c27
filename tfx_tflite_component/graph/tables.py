"""Lookup tables, rebuilt from their content so that they are filled in the TFLite model.

TF Transform keeps the file name of a vocabulary in a variable. If such a table is saved again, the
model converts without an error, but its table is empty when it runs.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef

_TABLE_OPS = ("HashTableV2", "MutableHashTableV2", "MutableDenseHashTableV2")
FIND = "LookupTableFindV2"
TABLE_SIZE = "LookupTableSizeV2"


def rank_lookups(graph: FlatGraph) -> FlatGraph:
    """Gives the results of lookups the rank of the keys.

    A lookup op does not state that its table maps scalars. The converter would leave the rank
    unknown, and ops that broadcast would drop a batch dimension of size 1.

    Args:
        graph: The graph of a signature.
    """
    finds = [node for node in graph.nodes.values() if node.op == FIND]
    if not finds:
        return graph
    ranked = {find.name: f"{find.name}_ranked" for find in finds}
    added = []
    for find in finds:
        keys = ranked.get(find.input[1], find.input[1])
        shape = NodeDef(name=f"{find.name}_shape", op="Shape", input=[keys])
        shape.attr["T"].type = find.attr["Tin"].type
        shape.attr["out_type"].type = tf.int32.as_datatype_enum
        reshape = NodeDef(name=ranked[find.name], op="Reshape", input=[find.name, shape.name])
        reshape.attr["T"].type = find.attr["Tout"].type
        added += [shape, reshape]
    return graph.redirected(ranked, added)


def with_tables(graph: FlatGraph, tables: Mapping[str, tf.lookup.StaticHashTable]) -> FlatGraph:
    """A graph in which more lookup tables can be read.

    Args:
        graph: The graph.
        tables: The tables, by the names for the tensors of their handles.
    """
    nodes = {name: NodeDef(name=name, op="Placeholder") for name in tables}
    for node in nodes.values():
        node.attr["dtype"].type = tf.resource.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(tf.TensorShape([]).as_proto())
    handles = {name: table.resource_handle for name, table in tables.items()}
    return dataclasses.replace(
        graph,
        nodes={**graph.nodes, **nodes},
        captures={**graph.captures, **handles},
    )


def rebuild_tables(
    graph: FlatGraph, nodes: Sequence[str]
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
    finds: dict[str, NodeDef] = {}
    for name in sorted(nodes):
        node = graph.nodes[name]
        for tensor, find in _lookups(graph, node, graph.data_inputs(node)):
            finds.setdefault(tensor, find)
    _check_known(graph, nodes, finds)
    tables = {tensor: _rebuilt(graph, tensor, find) for tensor, find in finds.items()}
    handles = {tensor: table.resource_handle for tensor, table in tables.items()}
    return handles, list(tables.values())


def _lookups(graph: FlatGraph, node: NodeDef, read: Sequence[str]) -> Iterator[tuple[str, NodeDef]]:
    """Each table that a node reads, with the lookup op, which may be inside control flow.

    Only a lookup op has the types of keys and values.
    """
    if node.op == FIND:
        yield read[0], node
    for body in graph.bodies(node):
        arguments = [argument.name for argument in body.signature.input_arg]
        # the condition is the first input and is not passed to the branches
        given = dict(zip(arguments, read[len(read) - len(arguments) :], strict=True))
        for inner in body.node_def:
            yield from _lookups(
                graph, inner, [given.get(name, "") for name in inner.input if name[0] != "^"]
            )


def _check_known(graph: FlatGraph, nodes: Sequence[str], finds: Mapping[str, NodeDef]) -> None:
    """Refuses resources that cannot be rebuilt: such a table would be empty in the TFLite model."""
    variables = {id(variable.handle) for variable in graph.variables}
    for name in nodes:
        node = graph.nodes[name]
        for tensor in graph.data_inputs(node):
            capture = graph.captures.get(tensor)
            is_table = graph.node(tensor).op in _TABLE_OPS or (
                capture is not None
                and capture.dtype == tf.resource
                and id(capture) not in variables
            )
            if is_table and tensor not in finds:
                raise SplitError(
                    f"Op {name!r} ({node.op}) reads a resource that is neither a variable nor a "
                    "lookup table with a lookup, so it cannot be rebuilt. Move the code that needs "
                    "it out of the serving function: the size of a table, for example, can be a "
                    "constant."
                )


def table_content(graph: FlatGraph, tensor: str, find: NodeDef) -> tuple[np.ndarray, np.ndarray]:
    """The keys of a lookup table in ascending order, and the value of each.

    Args:
        graph: The graph.
        tensor: The handle of the table.
        find: An op that looks up values in the table.

    Raises:
        SplitError: The content cannot be read.
    """
    key_dtype, value_dtype = (tf.dtypes.as_dtype(find.attr[name].type) for name in ("Tin", "Tout"))

    @tf.function(autograph=False)
    def exported() -> tuple[tf.Tensor, tf.Tensor]:
        # a TF1 SavedModel creates its tables in the graph; the name finds the filled table
        (handle,) = graph.import_part([tensor], {})
        return tf.raw_ops.LookupTableExportV2(
            table_handle=handle, Tkeys=key_dtype, Tvalues=value_dtype
        )

    try:
        keys, values = (exported_part.numpy() for exported_part in exported())
    except tf.errors.OpError as e:
        raise SplitError(
            f"The lookup table of op {find.name!r} cannot be read: {e.message}. "
            "Check that the SavedModel was saved with its table initialized."
        ) from e
    if not keys.size or keys.ndim != 1 or values.ndim != 1:
        raise SplitError(
            f"The lookup table of op {find.name!r} has keys of shape {keys.shape} and values of "
            f"shape {values.shape}; only a table that maps one or more scalars to scalars can be "
            "rebuilt, and no DenseHashTable. Use a StaticHashTable in the serving function."
        )
    # A table returns its content in a different order in every process. NumPy takes longer to sort
    # many words than Python.
    order = sorted(range(len(keys)), key=keys.tolist().__getitem__)
    return keys[order], values[order]


def _rebuilt(graph: FlatGraph, tensor: str, find: NodeDef) -> tf.lookup.StaticHashTable:
    keys, values = (tf.constant(part) for part in table_content(graph, tensor, find))
    # each lookup op has its own default, so this one is never used
    default = tf.zeros([], values.dtype) if values.dtype != tf.string else ""
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default)
