"""Turns resizes of images into matrix products.

TFLite resizes by bilinear interpolation and to the nearest pixel. `tf.image.resize`, and Keras'
`Resizing` with it, also use other ops: `ResizeBicubic`, `ResizeArea`, and `ScaleAndTranslate` for
the other kernels and for antialiasing.

1. Each pixel of the result is a sum over the rows and columns of the image, with a weight for the
   row times one for the column. So the result is `rows @ image @ columns`, for each channel.
2. The weights depend only on sizes, scales and translations. If these are constant, so are the
   matrices. They are computed by running the op itself on images with one row or column in which a
   single pixel is one.
3. The sums are rounded in a different order, and a NaN or infinite pixel also affects pixels for
   which its weight is zero.
4. Resizes with sizes that are known only when the model runs are not changed.
"""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.graph.flat_graph import FlatGraph, NodeDef
from tfx_tflite_component.lowering.lowering_pass import node_pass
from tfx_tflite_component.lowering.replacement import Replacement

_OPS = ("ResizeArea", "ResizeBicubic", "ScaleAndTranslate")
_OPTIONS = ("align_corners", "antialias", "half_pixel_centers", "kernel_type")
# the size, scale and translation that do not change a dimension of one pixel
_UNCHANGED = (1, 1.0, 0.0)


def _replacement(graph: FlatGraph, resize: NodeDef) -> Replacement | None:
    images, *others = graph.data_inputs(resize)
    shape = graph.static_tensors[images].shape
    # the size, and for ScaleAndTranslate also the scale and the translation, of both dimensions
    operands = [graph.constant(other) for other in others]
    if shape.rank is None or not shape[1:].is_fully_defined():
        return None
    if any(operand is None for operand in operands):
        return None
    _, height, width, _ = shape
    of_rows, of_columns = zip(*operands, strict=True)
    rows = _weights(resize, height, *of_rows)
    columns = _weights(resize, width, *of_columns)
    return Replacement((images,), functools.partial(_resized, rows, columns))


def _weights(resize: NodeDef, pixels: int, *operands: float) -> np.ndarray:
    """The weights [pixels of the result, pixels of the image] along one dimension."""
    single = tf.reshape(tf.eye(pixels), [pixels, pixels, 1, 1])
    along_rows = zip(operands, _UNCHANGED, strict=False)
    resized = _applied(resize, single, *([operand, other] for operand, other in along_rows))
    return tf.transpose(resized[:, :, 0, 0]).numpy()


def _applied(resize: NodeDef, images: tf.Tensor, *operands: Sequence[float]) -> tf.Tensor:
    given = dict(zip(("size", "scale", "translation"), operands, strict=False))
    options = {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in resize.attr.items()
        if name in _OPTIONS
    }
    return getattr(tf.raw_ops, resize.op)(images=images, **given, **options)


def _resized(rows: np.ndarray, columns: np.ndarray, images: tf.Tensor) -> tf.Tensor:
    _, height, width, channels = images.shape
    lines = tf.reshape(tf.cast(images, tf.float32), [-1, height, width * channels])
    resized = tf.reshape(tf.matmul(rows, lines), [-1, len(rows), width, channels])
    return tf.matmul(columns, resized)


PASS = node_pass("resize", _OPS, _replacement)
