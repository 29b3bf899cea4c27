"""Converts one signature of a SavedModel, and compares the model with it."""

import dataclasses
import pathlib
from collections.abc import Mapping

from tfx_tflite_component.errors import ConversionError, VerificationError
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.quantization.auto import worst_ops
from tfx_tflite_component.report.schema import SignatureReport
from tfx_tflite_component.rewriting.acceptance import complaints, is_float, next_mode, remedies
from tfx_tflite_component.rewriting.boundary_search import Conversion, Samples, convert_signature
from tfx_tflite_component.rewriting.findings import report_signature
from tfx_tflite_component.rewriting.interface import check_interface
from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel, why_not_runnable
from tfx_tflite_component.verification.calls import answered_calls
from tfx_tflite_component.verification.kernels import KernelComparison
from tfx_tflite_component.verification.latency import measure_latency
from tfx_tflite_component.verification.limits import Judgment, judge
from tfx_tflite_component.verification.measures import with_origins
from tfx_tflite_component.verification.verify import verify

_BLAME_EXAMPLES = 32


@dataclasses.dataclass(frozen=True)
class Converted:
    """A signature that was converted and compared.

    Attributes:
        conversion: The conversion.
        report: What is reported of it.
        warnings: Warnings for the user.
        refusal: Why it must not be published, as text; empty if it may be.
        inputs: Inputs that the model was run on; None for a model that Python's interpreter cannot
            run, and for one that must not be published.
    """

    conversion: Conversion
    report: SignatureReport
    warnings: list[str]
    refusal: str
    inputs: Arrays | None


def convert_and_verify(
    signature: ConcreteFunction,
    transform: ConcreteFunction | None,
    config: config_pb2.TFLiteRewriterConfig,
    samples: Samples,
    path: pathlib.Path,
    refused: Mapping[str, str],
) -> Converted:
    """Converts a signature, and compares the model with it.

    Args:
        signature: The signature, as `load_signature` gives it.
        transform: The function of the transform graph, if given.
        config: The config, with the signature's key.
        samples: The examples.
        path: The file to write the model to.
        refused: Boundaries that another process has tried, and why they failed.

    Raises:
        RewriterError: It cannot be converted or compared.
    """
    conversion = convert_signature(signature, transform, config, samples, path, refused)
    model = _runnable(path, conversion.found)
    begin(Phase.VERIFYING)
    judgment = _verified(signature, conversion, model, path, config, samples) if model else None
    # after the comparison: this may call the SavedModel, which changes its state
    narrowed = check_interface(conversion.split, config, samples)
    refusal = _refusal(judgment, signature, conversion, config, samples) if judgment else ""
    inputs, latency = None, None
    if model and not refusal:
        begin(Phase.TIMING)
        first = next(answered_calls(signature, conversion.split, samples.verification))
        inputs = first.call.taken
        latency = measure_latency(model, inputs, batched=conversion.split.batched)
    verification = judgment.verification if judgment else None
    report = report_signature(path, config, conversion, verification, latency, narrowed)
    warnings = [*conversion.warnings, *_warnings(judgment, conversion.found)]
    return Converted(conversion, report, warnings, refusal, inputs)


def _warnings(judgment: Judgment | None, found: Inspection) -> list[str]:
    if judgment:
        return complaints(judgment)
    reason = why_not_runnable(found.op_set)
    return [f"The model was not verified, because it cannot be run here: {reason}."]


def _refusal(
    judgment: Judgment,
    signature: ConcreteFunction,
    conversion: Conversion,
    config: config_pb2.TFLiteRewriterConfig,
    samples: Samples,
) -> str:
    """Why a model must not be published, with remedies; empty if it may be."""
    if not judgment.failures or config.verification.on_failure != config_pb2.Verification.FAIL:
        return ""
    return (
        f"{complaints(judgment)[-1]} Nothing was published."
        f"{remedies(judgment.verification, config)}{_blame(signature, conversion, config, samples)}"
    )


def _blame(
    signature: ConcreteFunction,
    conversion: Conversion,
    config: config_pb2.TFLiteRewriterConfig,
    samples: Samples,
) -> str:
    """Text that names the ops that cost an integer model its accuracy, and the remedy."""
    if config.quantization.mode != config_pb2.Quantization.FULL_INTEGER or not conversion.dataset:
        return ""
    examples = samples.calibration[:_BLAME_EXAMPLES]
    try:
        worst = worst_ops(signature, conversion.split, conversion.dataset, examples, config)
    except ConversionError:
        worst = []  # the model is still refused for the same reason; only the ops cannot be named
    if not worst:
        return " Try quantization.mode: AUTO."
    ops = [f"{cost.op} {_first(cost.tensor)!r} ({cost.sqnr_db:.1f} dB)" for cost in worst]
    return (
        f" Quantizing these ops alone costs most: {', '.join(ops)}. Try quantization.mode: AUTO, "
        "which repairs what they read, or leaves them in float."
    )


def _first(tensor: str) -> str:
    """The first of the names that the converter joins for an op that it fused from several."""
    return tensor.partition(";")[0]


def _runnable(path: pathlib.Path, found: Inspection) -> TFLiteModel | None:
    """The model, ready to run; None if Python's interpreter cannot run its ops."""
    if why_not_runnable(found.op_set):
        return None
    return TFLiteModel(path, needs_select_tf_ops=found.needs_select_tf_ops)


def _verified(
    signature: ConcreteFunction,
    conversion: Conversion,
    model: TFLiteModel,
    path: pathlib.Path,
    config: config_pb2.TFLiteRewriterConfig,
    samples: Samples,
) -> Judgment:
    """Compares a model with the SavedModel, and judges the result."""
    found = conversion.found
    is_quantized = not is_float(config, found)
    kernels = None
    # a model with Select TF ops has one set of kernels only
    if not found.needs_select_tf_ops:
        kernels = KernelComparison(TFLiteModel(path, own_kernels=True), not is_quantized)
    ranges = conversion.dataset.ranges if conversion.dataset else {}
    try:
        verification = verify(
            signature,
            conversion.split,
            model,
            samples.verification,
            kernels,
            {name: (limits.min, limits.max) for name, limits in ranges.items()},
            is_float=not is_quantized,
        )
    except VerificationError as e:
        raise VerificationError(f"{e}{next_mode(config)}") from e
    verification = with_origins(verification, samples.origins)
    return judge(verification, config.verification, not is_quantized)
