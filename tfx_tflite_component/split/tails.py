"""Makes tails: functions of the inputs at the boundary into the signature's outputs."""

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.split.crossings import Crossing
from tfx_tflite_component.split.graph import ConcreteFunction, FlatGraph
from tfx_tflite_component.split.tables import rank_lookups, rebuild_tables
from tfx_tflite_component.split.variables import rebuild_variables


@dataclasses.dataclass(frozen=True)
class Tail:
    """What becomes the TFLite model.

    TensorFlow allows few characters in the name of a parameter and merges names that differ by case
    alone. So the function is traced with names of its own, and `input_names` and `output_names`
    say what each stands for.

    Attributes:
        function: The inputs into the outputs, under its own names.
        resources: What holds the variables and the tables that the function reads.
        specs: Shape and dtype of each input, by the model's names.
        input_names: The model's input for each parameter of the function.
        output_names: The signature's output for each output of the function.
    """

    function: ConcreteFunction
    resources: tf.Module
    specs: Mapping[str, tf.TensorSpec]
    input_names: Mapping[str, str]
    output_names: Mapping[str, str]


def make_tail(
    graph: FlatGraph,
    ways: Sequence[Crossing],
    specs: Mapping[str, tf.TensorSpec],
    serialized: str | None = None,
) -> Tail:
    """Makes the tail of a signature.

    Args:
        graph: The signature's graph.
        ways: What crosses the boundary.
        specs: Shape and dtype of each input, by the model's names.
        serialized: The tensor that only the head may read.

    Raises:
        SplitError: An output depends on the serialized examples in another way than by parsing.
    """
    fetches = list(graph.outputs.values())
    cut = {tensor for way in ways for tensor in way.tensors}
    nodes, _ = graph.ancestors(fetches, stop=cut)
    shapes = _shapes_of(graph, serialized, nodes) if serialized else {}
    handles, tables = rebuild_tables(graph, nodes)
    variables = rebuild_variables(graph, nodes)
    ranked = rank_lookups(graph)
    variables_read = [*graph.variables, *variables.values()]
    input_names = {f"input_{index}": name for index, name in enumerate(specs)}
    output_names = {f"output_{index}": name for index, name in enumerate(graph.outputs)}

    @tf.function(autograph=False)
    def tail(**arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        for variable in variables_read:
            tf.compat.v1.get_default_graph().watch_variable(variable)
        inputs = {input_names[plain]: tensor for plain, tensor in arguments.items()}
        feeds = {**handles, **{name: variables[name].read_value() for name in variables}}
        for way in ways:
            feeds.update(zip(way.tensors, way.unpack(inputs), strict=True))
        batch = tf.shape(arguments["input_0"])[:1]
        feeds.update({name: tf.cast(batch, dtype) for name, dtype in shapes.items()})
        return dict(zip(output_names, ranked.import_part(fetches, feeds), strict=True))

    resources = tf.Module()
    resources.variables_read = variables_read
    resources.tables_read = tables
    function = tail.get_concrete_function(
        **{plain: specs[name] for plain, name in input_names.items()}
    )
    return Tail(function, resources, specs, input_names, output_names)


def _shapes_of(graph: FlatGraph, serialized: str, nodes: Sequence[str]) -> dict[str, tf.DType]:
    """The nodes that ask for the batch size by the shape of the serialized examples."""
    shapes = {}
    for name in nodes:
        node = graph.nodes[name]
        if serialized not in graph.data_inputs(node):
            continue
        if node.op != "Shape":
            raise SplitError(
                f"Op {name!r} ({node.op}) reads the serialized examples, which only the parse op "
                "may do in a model that takes features. Take from the signature what depends on "
                "them, such as an output that passes them on, or pin input_boundary: SIGNATURE."
            )
        shapes[name] = tf.dtypes.as_dtype(node.attr["out_type"].type)
    return shapes
