"""Computes einsums that are not matrix products.

The converter turns an einsum into a matrix product. It rejects pure reductions, outer products, and
products with a tensor none of whose own axes is in the result.

1. Of axes with the same label, the diagonal is taken: all else becomes zero and is summed over.
2. A label that only one operand has and the result lacks is summed over next.
3. If each operand then has labels that the other lacks, and they share labels that the result
   lacks, the einsum is a matrix product: it is not changed, unless step 1 or 2 changed an operand.
4. Otherwise, both operands are transposed to the same order of axes, multiplied with broadcasting,
   and summed over the labels that the result lacks.
5. The order in which floats are summed is TFLite's.
6. Not changed are dtypes other than float32 and int32, more than two operands, a label that an
   operand has twice at an axis of unknown size, an ellipsis in an operand of unknown rank, and
   operands and products of more than 5 axes.
"""

import dataclasses
import string
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_DTYPES = (tf.float32, tf.int32)
_ELLIPSIS = "..."
_MOST_AXES = 5


@dataclasses.dataclass(frozen=True)
class _Equation:
    """An equation: the labels of each operand and of the result."""

    operands: Sequence[str]
    result: str

    def of_diagonals(self) -> "_Equation":
        """The equation that is left when no operand has a label twice."""
        return _Equation(["".join(dict.fromkeys(one)) for one in self.operands], self.result)

    def summed(self) -> "_Equation":
        """The equation that is left when labels of only one operand are summed over."""
        kept = []
        for i, operand in enumerate(self.operands):
            others = "".join(other for j, other in enumerate(self.operands) if j != i)
            kept.append("".join(x for x in operand if x in self.result or x in others))
        return _Equation(kept, self.result)

    def is_product_of_matrices(self) -> bool:
        """Whether each operand has labels that the other lacks, and both share summed labels."""
        if len(self.operands) == 1:
            return False
        first, second = map(set, self.operands)
        return bool(first - second and second - first and (first & second) - set(self.result))


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    read = graph.data_inputs(node)
    shapes = [graph.static_tensors[tensor].shape for tensor in read]
    given = _parsed(node.attr["equation"].s.decode(), [shape.rank for shape in shapes])
    if given is None or tf.dtypes.as_dtype(node.attr["T"].type) not in _DTYPES:
        return None
    if not all(map(_has_diagonal, shapes, given.operands)):
        return None
    equation = given.of_diagonals()
    summed = equation.summed()
    if summed.is_product_of_matrices() and summed.operands == given.operands:
        return None
    labels = summed.result + "".join(
        x for x in dict.fromkeys("".join(summed.operands)) if x not in summed.result
    )
    if len(labels) > _MOST_AXES:
        return None

    def build(*tensors: tf.Tensor) -> tf.Tensor:
        diagonals = map(_diagonal, tensors, given.operands)
        pairs = zip(diagonals, equation.operands, summed.operands, strict=True)
        reduced = [_sum(tensor, has, keeps) for tensor, has, keeps in pairs]
        if summed.is_product_of_matrices():
            return tf.einsum(f"{','.join(summed.operands)}->{summed.result}", *reduced)
        aligned = [
            _aligned(tensor, has, labels)
            for tensor, has in zip(reduced, summed.operands, strict=True)
        ]
        product = aligned[0] if len(aligned) == 1 else aligned[0] * aligned[1]
        return _sum(product, labels, summed.result)

    return Replacement(tuple(read), build)


def _parsed(equation: str, ranks: Sequence[int | None]) -> _Equation | None:
    """The equation with labels instead of an ellipsis; None for an einsum that is not changed."""
    left, _, result = equation.replace(" ", "").partition("->")
    operands = left.split(",")
    if len(operands) > 2:
        return None
    free = [letter for letter in string.ascii_letters if letter not in equation]
    longest = ""
    for i, (operand, rank) in enumerate(zip(operands, ranks, strict=True)):
        if _ELLIPSIS in operand:
            if rank is None:
                return None
            # the axes of two ellipses are aligned from the end
            count = rank - len(operand) + len(_ELLIPSIS)
            labels = "".join(free[:count][::-1])
            operands[i] = operand.replace(_ELLIPSIS, labels)
            longest = max(longest, labels, key=len)
    return _Equation(operands, result.replace(_ELLIPSIS, longest))


def _has_diagonal(shape: tf.TensorShape, labels: str) -> bool:
    """Whether all axes of the labels that an operand has twice have known sizes."""
    sizes = [shape[axis] for axis, label in enumerate(labels) if labels.count(label) > 1]
    return not sizes or (None not in sizes and len(labels) <= _MOST_AXES)


def _diagonal(tensor: tf.Tensor, labels: str) -> tf.Tensor:
    """A tensor with one axis for each label."""
    while repeated := next((x for x in labels if labels.count(x) > 1), ""):
        first, second = labels.index(repeated), labels.rindex(repeated)
        size = tensor.shape[second]
        axes = [size if axis in (first, second) else 1 for axis in range(len(labels))]
        is_on_it = np.eye(size, dtype=bool).reshape(axes)
        # a product with zeros would make NaN of infinities beside the diagonal
        tensor = tf.reduce_sum(tf.where(is_on_it, tensor, tf.zeros_like(tensor)), second)
        labels = labels[:second] + labels[second + 1 :]
    return tensor


def _sum(tensor: tf.Tensor, labels: str, kept: str) -> tf.Tensor:
    axes = [axis for axis, label in enumerate(labels) if label not in kept]
    return tf.reduce_sum(tensor, axes) if axes else tensor


def _aligned(tensor: tf.Tensor, has: str, labels: str) -> tf.Tensor:
    """A tensor with its axes in the order of some labels, and axes of size 1 for the others."""
    order = [has.index(label) for label in labels if label in has]
    moved = tensor if order == sorted(order) else tf.transpose(tensor, order)
    for axis, label in enumerate(labels):
        if label not in has:
            moved = tf.expand_dims(moved, axis)
    return moved


PASS = node_pass("einsum", ["Einsum"], _replacement)
