"""Builds tails: functions that compute the signature's outputs from the inputs at the boundary."""

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph
from tfx_tflite_component.graph.resources import resources_of
from tfx_tflite_component.split.crossings import Crossing


@dataclasses.dataclass(frozen=True)
class Tail:
    """The part of a signature that becomes the TFLite model.

    TensorFlow allows few characters in the name of a parameter and merges names that differ only by
    case. So the function is traced with generated names, and `input_names` and `output_names` map
    them to the model's names.

    Attributes:
        function: Maps inputs to outputs, under generated names.
        resources: The variables and tables that the function reads.
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
) -> Tail:
    """Builds the tail of a signature.

    Args:
        graph: The signature's graph after the crossings.
        ways: The crossings.
        specs: Shape and dtype of each input, by the model's names.

    Raises:
        SplitError: An output depends on the signature's inputs other than through the crossings, or
            TFLite cannot name an input or output.
    """
    _check_names([*specs, *graph.outputs])
    fetches = list(graph.outputs.values())
    shapes = _shapes_of_inputs(graph)
    resources = resources_of(graph, graph.ancestors(graph.fetches)[0])
    input_names = {f"input_{index}": name for index, name in enumerate(specs)}
    output_names = {f"output_{index}": name for index, name in enumerate(graph.outputs)}

    @tf.function(autograph=False)
    def tail(**arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = {input_names[plain]: tensor for plain, tensor in arguments.items()}
        feeds = resources.feeds()
        for way in ways:
            feeds.update(zip(way.tensors, way.unpack(inputs), strict=True))
        batch = tf.shape(arguments["input_0"])[:1]
        feeds.update({name: tf.cast(batch, dtype) for name, dtype in shapes.items()})
        return dict(zip(output_names, graph.import_part(fetches, feeds, graph.writes), strict=True))

    function = tail.get_concrete_function(
        **{plain: specs[name] for plain, name in input_names.items()}
    )
    return Tail(function, resources.as_module(), specs, input_names, output_names)


def _check_names(names: Sequence[str]) -> None:
    """Refuses names with a null byte, at which TFLite would cut them off."""
    for name in names:
        if "\0" in name:
            raise SplitError(
                f"The model has an input or output named {name!r}; a name in TFLite holds no null "
                "byte. Rename the feature or output where the model is made."
            )


def _shapes_of_inputs(graph: FlatGraph) -> dict[str, tf.DType]:
    """The nodes that read the batch size from the shape of a tensor that only the head has."""
    owners = {tensor: name for name, tensor in graph.inputs.items()}
    for name, tensor in graph.outputs.items():
        if tensor in owners:
            raise _stays_with_head(f"Output {name!r}", owners[tensor])
    shapes = {}
    for name, node in graph.nodes.items():
        for tensor in owners.keys() & graph.data_inputs(node):
            if node.op != "Shape":
                raise _stays_with_head(f"Op {name!r} ({node.op})", owners[tensor])
            shapes[name] = tf.dtypes.as_dtype(node.attr["out_type"].type)
    return shapes


def _stays_with_head(reader: str, name: str) -> SplitError:
    return SplitError(
        f"{reader} reads input {name!r} of the signature, which stays with the head: the model "
        "gets only the features that are parsed from serialized tf.Examples. Remove what reads "
        "the input directly from the signature, such as an output that returns it. Or make it an "
        "input of the model: set input_boundary: SIGNATURE, or name it in `boundary_tensors`."
    )
