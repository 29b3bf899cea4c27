"""Mode FLOAT16: 16-bit float constants, except where more than rounding would be lost."""

from collections.abc import Collection

import tensorflow as tf

from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.conversion.size_limit import is_too_large
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization, TFLiteRewriterConfig
from tfx_tflite_component.quantization.weight_storage import Storage, store_weights
from tfx_tflite_component.split.tail import Tail


def convert_to_float16(
    tail: Tail, config: TFLiteRewriterConfig, kept: Collection[tf.Variable] = ()
) -> bytes:
    """Converts a tail to a model whose constants are 16-bit floats where they fit.

    The converter's own mode clips constants, so it is used only for models that are too large for
    a file until their constants are smaller.

    Args:
        tail: The tail.
        config: The config, with mode FLOAT16.
        kept: Variables that stay in memory.

    Raises:
        ConversionError: As `convert` raises it.
    """
    if is_too_large(tail, Quantization.NONE):
        return bytes(convert(tail, config, kept=kept))
    in_float32 = TFLiteRewriterConfig()
    in_float32.CopyFrom(config)
    in_float32.quantization.mode = Quantization.NONE
    return store_weights(bytes(convert(tail, in_float32, kept=kept)), Storage.FLOAT16)
