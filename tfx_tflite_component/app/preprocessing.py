"""The preprocessing that an app has to do, step by step, with its constants, as text.

Each op of the head that computes values of features is a step, `s1`, `s2` and so on. Ops that only
give values a shape, and those that compute shapes, are left out.
"""

import dataclasses
import pathlib
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.app.step_text import constant_text, quoted, step_text
from tfx_tflite_component.app.vocabulary_text import lookup_text
from tfx_tflite_component.errors import SplitError
from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef, flatten
from tfx_tflite_component.graph.order import in_order
from tfx_tflite_component.graph.tables import FIND, table_content
from tfx_tflite_component.split.computed_inputs import ComputedInput
from tfx_tflite_component.split.parse_ops import Layout, ParsedFeature, readable_features
from tfx_tflite_component.split.split import Split

_SHAPES = ("Shape", "ShapeN", "Size", "Rank")
_ALIKE = {"ZerosLike": 0, "OnesLike": 1}
_SAME_VALUES = (
    *("Reshape", "ExpandDims", "Squeeze", "EnsureShape", "PlaceholderWithDefault"),
    *("BroadcastTo", "Identity", "IdentityN", "StopGradient"),
)
_OF_LOOPS = (
    *("Const", "Identity", "NoOp", "Less", "LogicalAnd", "ExpandDims", "Squeeze", *_SHAPES),
    *("TensorListGetItem", "TensorListSetItem"),
)
_COUNTER = tf.int32.as_datatype_enum
# the other outputs say where the words are
_SPLITS = ("StringSplit", "StringSplitV2")
_SELECTS = ("Select", "SelectV2")
_NO_VALUES = (tf.resource, tf.variant)
_ERRORS = (SplitError, tf.errors.OpError, ValueError, TypeError)
_MOST_STEPS = 64
_MOST_ELEMENTS = 10_000


def with_steps(parts: Split, assets: pathlib.Path) -> dict[str, ComputedInput]:
    """The inputs that an app has to compute, with the steps that compute them.

    Args:
        parts: A signature in two parts.
        assets: The folder of the SavedModel's assets, with its vocabularies.
    """
    if not parts.computed:
        return {}
    graph = flatten(parts.signature)
    return {
        name: dataclasses.replace(computed, steps=_steps(graph, name, computed, assets))
        for name, computed in parts.computed.items()
    }


def _steps(
    graph: FlatGraph, name: str, computed: ComputedInput, assets: pathlib.Path
) -> tuple[str, ...]:
    features = {feature.name: feature for feature in readable_features(graph)}
    given = [features[feature] for feature in computed.features if feature in features]
    defaults = [
        f"{quoted(feature.name)} is {_default(feature)} if it is missing"
        for feature in given
        if feature.default
    ]
    try:
        steps = _Steps(graph, assets).of(name, computed.tensors)
    except _ERRORS:  # loops of TF1, or constants that cannot be computed
        return ()
    left = len(steps) - _MOST_STEPS
    rest = [f"and {left} more ops, as in the head"] if left > 0 else []
    return (*defaults, *steps[:_MOST_STEPS], *rest)


def _default(feature: ParsedFeature) -> str:
    dtype = object if feature.dtype == tf.string else feature.dtype.as_numpy_dtype
    values = np.array(feature.default, dtype)
    return constant_text(values[0] if values.size == 1 else values)


class _Steps:
    """The steps that compute some tensors of a graph from its features."""

    def __init__(self, graph: FlatGraph, assets: pathlib.Path) -> None:
        self._graph = graph
        self._assets = assets
        self._steps: list[str] = []
        # the text of each tensor that holds values of features
        self._names = dict(_given(graph))
        self._stop = {*self._names, *_sizes(graph)}
        # tensors of unknown sizes whose elements are all the same
        self._scalars: dict[str, tf.Tensor] = {}

    def of(self, name: str, tensors: Collection[str]) -> list[str]:
        """The steps that compute an input of the model, the last of which names it."""
        for node in in_order(self._graph, tensors, self._stop):
            self._add(self._graph.nodes[node])
        last = f"s{len(self._steps)}"
        if [self._operand(tensor) for tensor in tensors] == [last]:
            self._steps[-1] = self._steps[-1].replace(last, quoted(name), 1)
        elif len(tensors) == 1:
            self._steps.append(f"{quoted(name)} = {self._operand(*tensors)}")
        return self._steps

    def _add(self, node: NodeDef) -> None:
        inputs = self._graph.data_inputs(node, self._stop)
        if node.op == "Fill" and (value := self._constant(inputs[1])) is not None:
            self._scalars[node.name] = tf.constant(value)
        elif node.op in _ALIKE:
            dtype = tf.dtypes.as_dtype(node.attr["T"].type)
            self._scalars[node.name] = tf.cast(_ALIKE[node.op], dtype)
        elif node.op in _SHAPES or not any(map(self._has_values, inputs)):
            return
        elif node.op in _SAME_VALUES:
            self._names[node.name] = self._operand(inputs[0])
        elif node.op == "RaggedTensorToSparse":
            self._names[f"{node.name}:1"] = self._operand(inputs[-1])
        elif (same := self._always(node, inputs)) is not None:
            self._names[node.name] = self._operand(same)
        else:
            step = f"s{len(self._steps) + 1}"
            self._steps.append(f"{step} = {self._text(node, inputs)}")
            self._names[f"{node.name}:1" if node.op in _SPLITS else node.name] = step

    def _text(self, node: NodeDef, inputs: Sequence[str]) -> str:
        if node.op == FIND:
            keys, values = table_content(self._graph, inputs[0], node)
            key, default = map(self._operand, inputs[1:])
            return lookup_text(key, default, keys, values, self._assets)
        if self._graph.bodies(node):
            given = [self._operand(tensor) for tensor in inputs if self._has_values(tensor)]
            return f"{node.op} of {', '.join(given)}: {'; '.join(self._inner(node))}"
        return step_text(node, [self._operand(tensor) for tensor in inputs])

    def _inner(self, node: NodeDef) -> Iterator[str]:
        """The ops of the functions that a loop or a branch calls; `_` is what they compute."""
        for body in self._graph.bodies(node):
            constants = {part.name: part for part in body.node_def if part.op == "Const"}
            for part in body.node_def:
                names = [name.partition(":")[0] for name in part.input if name[0] != "^"]
                operands = [
                    constant_text(tf.make_ndarray(constants[name].attr["value"].tensor))
                    if name in constants
                    else "_"
                    for name in names
                ]
                if part.op not in _OF_LOOPS and set(operands) and part.attr["T"].type != _COUNTER:
                    yield step_text(part, operands)

    def _always(self, node: NodeDef, inputs: Sequence[str]) -> str | None:
        """The operand that a selection always returns, as for a scale that is never 0."""
        if node.op not in _SELECTS or (condition := self._constant(inputs[0])) is None:
            return None
        if condition.all():
            return inputs[1]
        return None if condition.any() else inputs[2]

    def _has_values(self, tensor: str) -> bool:
        is_output = tensor not in self._stop and tensor.partition(":")[0] in self._names
        return is_output or tensor in self._names

    def _operand(self, tensor: str) -> str:
        if tensor in self._names:
            return self._names[tensor]
        if self._has_values(tensor):
            node, _, index = tensor.partition(":")
            return f"{self._names[node]}:{index}"
        constant = self._constant(tensor)
        return "..." if constant is None else constant_text(constant)

    def _constant(self, tensor: str) -> np.ndarray | None:
        """The value of a small tensor that no feature bears on; None for other tensors."""
        node = self._graph.node(tensor)
        if node.op == "Const":
            return tf.make_ndarray(node.attr["value"].tensor)
        spec = self._graph.static_tensors[tensor]
        _, met = self._graph.ancestors([tensor], stop={*self._stop, *self._scalars})
        if spec.dtype in _NO_VALUES or not met <= self._scalars.keys():
            return None
        if (spec.shape.num_elements() or 0) > _MOST_ELEMENTS:
            return None
        return self._graph.evaluate([tensor], self._scalars)[0]


def _given(graph: FlatGraph) -> Iterator[tuple[str, str]]:
    """The text of each tensor that a feature or an input of the signature holds."""
    yield from ((tensor, quoted(name)) for name, tensor in graph.inputs.items())
    for feature in readable_features(graph):
        name = quoted(feature.name)
        texts = {
            Layout.DENSE: [name],
            Layout.SPARSE: [f"the indices of {name}", name],
            Layout.RAGGED: [name, f"the row splits of {name}"],
        }[feature.layout]
        yield from zip(feature.tensors, texts, strict=False)


def _sizes(graph: FlatGraph) -> Iterator[str]:
    """The tensors that hold the dense shapes of sparse features."""
    for feature in readable_features(graph):
        if feature.layout is Layout.SPARSE:
            yield feature.tensors[2]
