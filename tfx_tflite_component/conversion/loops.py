"""Refuses loops where the converter would crash on them."""

from tfx_tflite_component.config_checks import is_calibrated
from tfx_tflite_component.errors import ConversionError, listed
from tfx_tflite_component.graph.flat_graph import without_calls
from tfx_tflite_component.lowering.passes.loops import LOOPS
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization, TFLiteRewriterConfig
from tfx_tflite_component.split.tail import Tail


def check_loops(tail: Tail, config: TFLiteRewriterConfig) -> None:
    """Refuses a loop in a model whose activations become integers.

    Args:
        tail: The tail, whose loops of known length are unrolled.
        config: The config.

    Raises:
        ConversionError: There is a loop, which the converter cannot calibrate.
    """
    if not is_calibrated(config):
        return
    loops = [op.name for op in tail.function.graph.get_operations() if op.type in LOOPS]
    if loops:
        mode = Quantization.Mode.Name(config.quantization.mode)
        places = listed(sorted({without_calls(name) for name in loops}))
        raise ConversionError(
            f"quantization.mode: {mode} cannot quantize the loop {places}, whose number of steps "
            "is not known before the model runs, or is too large to unroll. Export the model with "
            "a fixed, shorter sequence length, or set quantization.mode: DYNAMIC_RANGE."
        )
