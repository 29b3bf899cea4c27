"""Compares a TFLite model with a SavedModel; any converter may have made it."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.artifact_layout import MODEL_FILENAME
from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import (
    ConversionError,
    SplitError,
    UnsupportedOpsError,
    VerificationError,
    listed,
)
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.integer_ranges import INT64
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.report.schema import ComparisonReport
from tfx_tflite_component.rewriting.boundary_search import Samples, convert_signature
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.narrow import guarded
from tfx_tflite_component.split.narrowing import Narrowing
from tfx_tflite_component.split.split import (
    Split,
    boundaries,
    split,
)
from tfx_tflite_component.tflite.inspection import find_signature, inspect
from tfx_tflite_component.tflite.interpreter import TensorDetails, TFLiteModel, why_not_runnable
from tfx_tflite_component.tflite.select_tf_effects import check_select_tf_ops
from tfx_tflite_component.verification.kernels import KernelComparison
from tfx_tflite_component.verification.limits import Judgment, judge
from tfx_tflite_component.verification.verify import verify


def compare(
    source: pathlib.Path,
    path: pathlib.Path,
    config: TFLiteRewriterConfig,
    examples: Sequence[bytes] | None,
) -> ComparisonReport:
    """Runs the same examples through a SavedModel and a TFLite model.

    Args:
        source: The folder of the SavedModel.
        path: The `.tflite` file.
        config: The signature, the boundary and the limits, as `read_config` gives them.
        examples: Serialized `tf.Example`s that the SavedModel takes; None for random inputs.

    Raises:
        RewriterError: One of the models cannot be read or run, or they do not take the same
            examples.
    """
    found = inspect(path)
    if reason := why_not_runnable(found.op_set):
        raise UnsupportedOpsError(f"The TFLite model {path} cannot be compared here: {reason}.")
    check_select_tf_ops(path, str(path), config.trusted_ops)
    key = find_signature(path, config.signature_key, str(path))
    begin(Phase.LOADING_MODEL)
    model = TFLiteModel(path, needs_select_tf_ops=found.needs_select_tf_ops, signature_key=key)
    begin(Phase.LOADING)
    signature = load_signature(source, config.signature_key, config.trusted_ops)
    parts = _split_alike(signature, model, config)
    begin(Phase.COMPARING)
    kernels = None
    if not found.needs_select_tf_ops:
        kernels = KernelComparison(
            TFLiteModel(path, own_kernels=True, signature_key=key), not found.is_quantized
        )
    verification = verify(
        signature, parts, model, examples, kernels, is_float=not found.is_quantized
    )
    judged = judge(verification, config.verification, is_float=not found.is_quantized)
    return comparison_report(parts.boundary, judged)


def comparison_report(boundary: Boundary | None, judged: Judgment) -> ComparisonReport:
    """The report of a comparison; the boundary is None for two TFLite models."""
    return ComparisonReport(
        boundary, judged.verification, tuple(judged.failures), tuple(judged.warnings)
    )


def _split_alike(
    signature: ConcreteFunction, model: TFLiteModel, config: TFLiteRewriterConfig
) -> Split:
    """The signature, split at the model's inputs."""
    tried = {}
    for boundary in _boundaries(signature, config):
        begin(Phase.SPLITTING, boundary)
        try:
            parts = _split_as(model, signature, boundary, config)
        except (SplitError, ConversionError) as e:
            tried[boundary] = str(e).rstrip(".")
            continue
        if _takes(model, parts.tail.specs):
            _check_outputs(parts, model)
            return _narrowed_alike(parts, model)
        tried[boundary] = f"takes {_described(parts.tail.specs)}"
    raise VerificationError(
        f"The TFLite model takes {_described(model.inputs)}, which the signature "
        f"{config.signature_key!r} of the SavedModel does not have at any boundary: "
        + "; ".join(f"{boundary}: {found}" for boundary, found in tried.items())
        + ". Name the SavedModel that it was made from, or set the signature_key or "
        "boundary_tensors that it was made with in the config."
    )


def _split_as(
    model: TFLiteModel,
    signature: ConcreteFunction,
    boundary: Boundary,
    config: TFLiteRewriterConfig,
) -> Split:
    """The signature split at a boundary, with the sizes that the model has."""
    parts = _split_at(boundary, signature, 0, config)
    if parts.tail.specs.keys() != model.inputs.keys():
        return parts
    if boundary is Boundary.PER_FEATURE:
        size = model.batch_size_of(parts.batched)
        return _split_at(boundary, signature, size, config) if size else parts
    shapes = {name: details.shape for name, details in model.inputs.items()}
    if not all(_is_alike(spec, model.inputs[name]) for name, spec in parts.tail.specs.items()):
        return parts
    return split(signature, boundary, tensors=config.boundary_tensors, shapes=shapes)


def _narrowed_alike(parts: Split, model: TFLiteModel) -> Split:
    """A split with the model's 32-bit integers where the signature has 64-bit ones."""
    tail = parts.tail
    results = {
        tail.output_names[plain]: tensor
        for plain, tensor in tail.function.structured_outputs.items()
    }
    inputs, outputs = (
        {
            name: INT64
            for name, tensor in tensors.items()
            if tensor.dtype == tf.int64 and found[name].dtype == np.int32
        }
        for tensors, found in [(tail.specs, model.inputs), (results, model.outputs)]
    )
    specs = {
        name: tf.TensorSpec(spec.shape, tf.int32) if name in inputs else spec
        for name, spec in tail.specs.items()
    }
    narrow = dataclasses.replace(
        parts,
        tail=dataclasses.replace(tail, specs=specs),
        narrowing=Narrowing(inputs, outputs, parts.head),
    )
    return dataclasses.replace(narrow, head=guarded(narrow))


def _split_at(
    boundary: Boundary, signature: ConcreteFunction, batch_size: int, config: TFLiteRewriterConfig
) -> Split:
    if boundary is not Boundary.PER_FEATURE:
        return split(signature, boundary, batch_size, tensors=config.boundary_tensors)
    # only the converter knows which ops it refuses; quantization makes no difference to that
    pinned = TFLiteRewriterConfig(
        input_boundary=TFLiteRewriterConfig.PER_FEATURE, batch_size=batch_size
    )
    pinned.ops.CopyFrom(config.ops)
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-") as folder:
        path = pathlib.Path(folder, MODEL_FILENAME)
        return convert_signature(signature, None, read_config(pinned), Samples(), path, {}).split


def _takes(model: TFLiteModel, specs: Mapping[str, tf.TensorSpec]) -> bool:
    """Whether a model has the inputs of a tail, possibly with another number type."""
    return specs.keys() == model.inputs.keys() and all(
        _is_alike(spec, model.inputs[name]) for name, spec in specs.items()
    )


def _is_alike(spec: tf.TensorSpec, details: TensorDetails) -> bool:
    sizes = [None if size == -1 else size for size in details.shape]
    holds_strings = tf.dtypes.as_dtype(details.dtype) == tf.string
    return spec.shape.is_compatible_with(sizes) and holds_strings == (spec.dtype == tf.string)


def _described(inputs: Mapping[str, tf.TensorSpec | TensorDetails]) -> str:
    return ", ".join(
        f"{name!r} ({tf.dtypes.as_dtype(inputs[name].dtype).name})" for name in sorted(inputs)
    )


def _boundaries(signature: ConcreteFunction, config: TFLiteRewriterConfig) -> Iterator[Boundary]:
    if config.input_boundary != TFLiteRewriterConfig.AUTO:
        yield Boundary(TFLiteRewriterConfig.InputBoundary.Name(config.input_boundary))
        return
    yield from boundaries(signature, transform=None)


def _check_outputs(parts: Split, model: TFLiteModel) -> None:
    wanted = sorted(parts.tail.output_names.values())
    if wanted != sorted(model.outputs):
        raise VerificationError(
            f"The TFLite model has the outputs {listed(sorted(model.outputs))}, the SavedModel "
            f"{listed(wanted)}. Name the SavedModel that it was made from."
        )
