"""Compares a TFLite model with a SavedModel; any converter may have made it."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

from tfx_tflite_component.errors import (
    ModelFileError,
    SplitError,
    UnsupportedOpsError,
    VerificationError,
    listed,
)
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import (
    Split,
    boundaries,
    split,
)
from tfx_tflite_component.tflite.inspection import SELECT_TF, inspect, inspect_signatures
from tfx_tflite_component.tflite.interpreter import TFLiteModel, why_not_runnable
from tfx_tflite_component.verification.limits import failures
from tfx_tflite_component.verification.measures import Verification
from tfx_tflite_component.verification.verify import verify


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        boundary: Where the SavedModel's signature was split to feed the TFLite model; None for two
            TFLite models.
        verification: The comparison of each output.
        failures: The limits that were exceeded, as text; empty if the models agree.
    """

    boundary: Boundary | None
    verification: Verification
    failures: list[str]


def compare(
    source: pathlib.Path,
    path: pathlib.Path,
    config: TFLiteRewriterConfig,
    examples: Sequence[bytes] | None,
) -> Comparison:
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
    signatures = inspect_signatures(path)
    if len(signatures) > 1:
        raise ModelFileError(
            f"The TFLite model {path} has the signatures {listed(signatures)}; only a model "
            "with one can be compared. Convert it with one of them in the converter's "
            "`signature_keys`."
        )
    begin(Phase.LOADING_MODEL)
    model = TFLiteModel(path, needs_select_tf_ops=found.op_set == SELECT_TF)
    begin(Phase.LOADING)
    signature = load_signature(source, config.signature_key, config.trusted_ops)
    parts = _split_alike(signature, model, config)
    begin(Phase.COMPARING)
    verification = verify(signature, parts, model, examples)
    limits = failures(verification, config.verification, is_float=not found.is_quantized)
    return Comparison(parts.boundary, verification, limits)


def _split_alike(
    signature: ConcreteFunction, model: TFLiteModel, config: TFLiteRewriterConfig
) -> Split:
    """The signature, split at the model's inputs."""
    tried = {}
    for boundary in _boundaries(signature, config):
        begin(Phase.SPLITTING, boundary)
        try:
            parts = split(signature, boundary, model.batch_size, tensors=config.boundary_tensors)
        except SplitError as e:
            tried[boundary] = str(e)
            continue
        if parts.tail.specs.keys() == model.inputs.keys():
            _check_outputs(parts, model)
            return parts
        tried[boundary] = f"takes {listed(sorted(parts.tail.specs))}"
    raise VerificationError(
        f"The TFLite model takes {listed(sorted(model.inputs))}, which the signature "
        f"{config.signature_key!r} of the SavedModel does not have at any boundary: "
        + "; ".join(f"{boundary}: {found}" for boundary, found in tried.items())
        + ". Name the SavedModel that it was made of, or the signature_key or boundary_tensors "
        "that it was made with in the config."
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
            f"{listed(wanted)}. Name the SavedModel that it was made of."
        )
