"""The variables and lookup tables that a part of a graph reads, for self-contained functions."""

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph
from tfx_tflite_component.graph.tables import rebuild_tables
from tfx_tflite_component.graph.variables import rebuild_variables


@dataclasses.dataclass(frozen=True)
class Resources:
    """The resources that some nodes of a graph read.

    Attributes:
        variables: The variables.
        tables: The lookup tables, rebuilt from their content.
        handles: The handle of the rebuilt table for each tensor that was a table's handle.
        references: The variable for each tensor that was a reference to a TF1 variable.
    """

    variables: tuple[tf.Variable, ...]
    tables: tuple[tf.lookup.StaticHashTable, ...]
    handles: Mapping[str, tf.Tensor]
    references: Mapping[str, tf.Variable]

    def feeds(self) -> dict[str, tf.Tensor]:
        """The feeds that replace the resources in the function that is being traced."""
        for variable in self.variables:
            tf.compat.v1.get_default_graph().watch_variable(variable)
        values = {name: variable.read_value() for name, variable in self.references.items()}
        return {**self.handles, **values}

    def as_module(self) -> tf.Module:
        """An object to save the resources with."""
        module = tf.Module()
        module.variables_read = self.variables
        module.tables_read = self.tables
        return module


def resources_of(graph: FlatGraph, nodes: Sequence[str]) -> Resources:
    """Finds the resources that some nodes read, and rebuilds those that need it.

    Args:
        graph: The graph.
        nodes: The names of the nodes.

    Raises:
        SplitError: A table's content cannot be read.
    """
    handles, tables = rebuild_tables(graph, nodes)
    references = rebuild_variables(graph, nodes)
    read = {id(graph.captures[name]) for name in nodes if name in graph.captures}
    variables = [variable for variable in graph.variables if id(variable.handle) in read]
    return Resources((*variables, *references.values()), tuple(tables), handles, references)
