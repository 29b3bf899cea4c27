"""Computes real parts of Fourier transforms by products with constant matrices.

`tf.signal.dct`, which is a step of `tf.signal.mfccs_from_log_mel_spectrograms`, is the real part of
`RFFT`, cut off and multiplied by constants. TFLite has the transform, but no ops that multiply or
slice complex numbers.

1. `Real` and `Imag` of `RFFT`, with `StridedSlice` by constants and `Mul` by a constant in between,
   are linear in each row: the product with a matrix, which is what the ops make of unit vectors.
2. Sums are rounded in another order than in a fast transform.
3. Left alone are rows of unknown length, slices that drop rows, and other dtypes than float32.
"""

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement


def _replacement(graph: FlatGraph, node: NodeDef) -> Replacement | None:
    source = _source(graph, graph.data_inputs(node)[0])
    if source is None:
        return None
    spec = graph.static_tensors[source]
    if spec.dtype != tf.float32 or (spec.shape.rank or 0) < 2 or spec.shape[-1] is None:
        return None
    matrix = _matrix(graph, node, source, spec.shape)
    if matrix is None:
        return None
    return Replacement((source,), lambda x: tf.tensordot(x, matrix, 1))


def _source(graph: FlatGraph, tensor: str) -> str | None:
    """The real tensor that is transformed; None if it is not as in rule 1."""
    node = graph.node(tensor)
    read = graph.data_inputs(node)
    if node.op == "RFFT":
        return read[0] if graph.constant(read[1]) is not None else None
    if node.op not in ("Mul", "StridedSlice"):
        return None
    varying = [operand for operand in read if graph.constant(operand) is None]
    is_linear = len(varying) == 1 and (node.op == "Mul" or varying[0] == read[0])
    return _source(graph, varying[0]) if is_linear else None


def _matrix(
    graph: FlatGraph, node: NodeDef, source: str, shape: tf.TensorShape
) -> np.ndarray | None:
    """What a row is multiplied by; None if the ops do not keep the rows apart."""
    length = int(shape[-1])
    # two of each of the other axes, so that a slice of them shows
    between = [2] * (shape.rank - 2)
    units = np.eye(length, dtype=np.float32).reshape([length, *[1] * len(between), length])
    fed = {source: tf.constant(np.broadcast_to(units, [length, *between, length]))}
    (result,) = graph.evaluate([node.name], fed)
    if result.shape[:-1] != (length, *between):
        return None
    return result.reshape(length, -1, result.shape[-1])[:, 0]


PASS = node_pass("fourier", ["Imag", "Real"], _replacement)
