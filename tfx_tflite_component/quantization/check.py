"""Checks that the converter quantized the model as configured."""

from collections.abc import Sequence

from tfx_tflite_component.errors import ConversionError, listed
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization
from tfx_tflite_component.quantization.outcome import Outcome
from tfx_tflite_component.tflite.inspection import Inspection, Numbers, Op

_INTEGER_WEIGHTS = ("int8", "int4")


def check_quantization(model: Inspection, quantization: Quantization) -> list[str]:
    """Compares a model's dtypes with the configured quantization.

    Args:
        model: The contents of the model.
        quantization: The config of the quantization.

    Returns:
        Warnings, for the log and the report.

    Raises:
        ConversionError: A model that should be fully integer has float ops.
    """
    mode = quantization.mode
    if mode == Quantization.DYNAMIC_RANGE and not set(model.weights) & set(_INTEGER_WEIGHTS):
        return [
            "DYNAMIC_RANGE quantized nothing: the converter leaves weights of fewer than 1,024 "
            "elements as they are, and there is no larger one. The model is a float model."
        ]
    if mode == Quantization.FLOAT16 and "float16" not in model.weights:
        return [
            "FLOAT16 changed nothing: the model has no float constant of 150 values or more that "
            "16-bit floats hold. The model is a float model."
        ]
    if mode in (Quantization.FULL_INTEGER, Quantization.INT16_ACTIVATIONS):
        return _check_integer(model, quantization)
    return []


def search_warnings(outcome: Outcome) -> list[str]:
    """Warnings for the user about a search."""
    warnings = []
    if outcome.chosen == "NONE":
        best = max(
            (trial for trial in outcome.trials if trial.name != "NONE"),
            key=lambda trial: trial.sqnr_db,
        )
        warnings.append(
            "No quantized model is both better than the float model and within the budget of "
            f"`verification`; the float model is published. The best was {best.name} with "
            f"{best.sqnr_db:.1f} dB: {best.why_not or 'it is not smaller'}."
        )
    if outcome.skipped:
        warnings.append(
            f"quantization.auto.max_seconds was up before these were tried: "
            f"{listed(outcome.skipped)}."
        )
    return warnings


def _check_integer(model: Inspection, quantization: Quantization) -> list[str]:
    mode = Quantization.Mode.Name(quantization.mode)
    stayed = [op for op in model.ops if op.computes_in == Numbers.FLOAT and not op.is_at_edge]
    if not stayed and not any(op.computes_in == Numbers.INTEGER for op in model.ops):
        return [f"{mode} quantized nothing: no op of the model computes in floats."]
    if not stayed:
        return []
    what = f"With {mode}, {len(stayed)} of {len(model.ops)} ops stayed float: {_described(stayed)}."
    if quantization.allow_float_fallback:
        return [what]
    raise ConversionError(
        f"{what} Set quantization.allow_float_fallback: true to accept that, or remove the "
        "part that needs these ops from the serving signature."
    )


def _described(ops: Sequence[Op]) -> str:
    preprocessing = sorted({op.name for op in ops if op.is_preprocessing})
    others = sorted(
        {
            f"{op.name} in {op.scope or 'the serving function'}"
            for op in ops
            if not op.is_preprocessing
        }
    )
    parts = []
    if preprocessing:
        parts.append(f"{listed(preprocessing)} of the preprocessing (TF Transform)")
    if others:
        parts.append(listed(others))
    return " and ".join(parts)
