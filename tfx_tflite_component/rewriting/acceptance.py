"""Whether a model is accepted, and the warnings about it."""

from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.verification.limits import Judgment, percent
from tfx_tflite_component.verification.measures import Verification

_RANDOM_INPUTS = " Random inputs may be unlike any real ones: give `examples` to compare on."
_NEXT_MODES = {
    config_pb2.Quantization.FULL_INTEGER: "INT16_ACTIVATIONS or DYNAMIC_RANGE",
    config_pb2.Quantization.INT16_ACTIVATIONS: "DYNAMIC_RANGE",
    config_pb2.Quantization.DYNAMIC_RANGE: "FLOAT16",
    config_pb2.Quantization.FLOAT16: "NONE: half floats end at 65504",
}


def is_float(config: config_pb2.TFLiteRewriterConfig, model: Inspection) -> bool:
    """Whether the limits of float models apply to a model, by its contents and not by the mode.

    Args:
        config: The config.
        model: What the model holds.
    """
    return config.quantization.mode == config_pb2.Quantization.NONE or not model.is_quantized


def complaints(judgment: Judgment) -> list[str]:
    """A sentence for each warning, and a last one for the limits that were exceeded."""
    verification = judgment.verification
    compared = f"compared on {verification.num_examples} {verification.inputs}"
    said = [f"{text[0].upper()}{text[1:]}, {compared}." for text in judgment.warnings]
    if judgment.failures:
        said.append(
            f"The TFLite model's outputs do not match the SavedModel's, {compared}: "
            f"{'; '.join(judgment.failures)}."
        )
    return said


def remedies(verification: Verification, config: config_pb2.TFLiteRewriterConfig) -> str:
    """What to try next, each as a sentence after a space.

    Args:
        verification: The comparison of a model that exceeds its limits.
        config: The config.
    """
    found = [
        f" {name!r} leaves the calibrated range in {percent(share)} of the examples: calibrate "
        "with examples that cover it."
        for name, share in verification.out_of_range.items()
    ]
    if verification.inputs != "examples":
        found.append(_RANDOM_INPUTS)
    return "".join([*found, next_mode(config)])


def next_mode(config: config_pb2.TFLiteRewriterConfig) -> str:
    """A sentence with the mode to try next, after a space; empty for a float model."""
    mode = config.quantization.mode
    return f" Try quantization.mode: {_NEXT_MODES[mode]}." if mode in _NEXT_MODES else ""
