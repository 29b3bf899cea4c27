"""Tries the boundaries, from the first choice to the last, until one converts."""

import dataclasses
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tfx_tflite_component.config import is_calibrated
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import ConversionError, SplitError, UnsupportedOpsError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction, FlatGraph
from tfx_tflite_component.lowering.lower import lower
from tfx_tflite_component.progress import CONVERTING, begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.quantization.calibration import RepresentativeDataset, range_warnings
from tfx_tflite_component.quantization.check import check_quantization
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import (
    Split,
    boundaries,
    split,
)
from tfx_tflite_component.tflite.inspection import Inspection, inspect

# builtin ops and Select TF ops
_RANDOM = re.compile(r"random|multinomial|truncated_?normal", re.IGNORECASE)

_Refusal: TypeAlias = SplitError | ConversionError


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A signature that was split and whose tail was converted.

    Attributes:
        split: The signature's two parts.
        dataset: What was calibrated with; None for modes without a calibration.
        found: What the model holds.
        warnings: What a user should know.
    """

    split: Split
    dataset: RepresentativeDataset | None
    found: Inspection
    warnings: list[str]


def convert_signature(
    signature: ConcreteFunction,
    transform: ConcreteFunction | None,
    config: TFLiteRewriterConfig,
    calibration: Sequence[bytes],
    path: pathlib.Path,
) -> Conversion:
    """Converts a signature at the boundary that the config asks for, or at the first that does.

    Args:
        signature: The signature, as `load_signature` gives it.
        transform: The function of the transform graph, where it is at hand.
        config: What the model is to be.
        calibration: Serialized `tf.Example`s to calibrate with, for the modes that take them.
        path: Where the model is written.

    Raises:
        SplitError: The signature cannot be split there.
        ConversionError: The converter refused the tail, at every boundary that was tried.
        ExamplesError: The examples are no good to calibrate with. No other boundary is tried then:
            what a model takes is not to depend on single examples.
    """
    if config.input_boundary != TFLiteRewriterConfig.AUTO:
        pinned = Boundary(TFLiteRewriterConfig.InputBoundary.Name(config.input_boundary))
        return _convert_at(pinned, signature, transform, config, calibration, path)
    try:
        return _convert_at(None, signature, transform, config, calibration, path)
    except (SplitError, ConversionError) as e:
        first, *further = boundaries(signature, transform)
        if not further:
            raise
        refusals: dict[Boundary, _Refusal] = {first: e}
    (second,) = further
    try:
        found = _convert_at(second, signature, transform, config, calibration, path)
    except (SplitError, ConversionError) as e:
        refusals[second] = e
    else:
        return _with_reason(found, refusals)
    raise _refused(refusals)


def _convert_at(
    boundary: Boundary | None,
    signature: ConcreteFunction,
    transform: ConcreteFunction | None,
    config: TFLiteRewriterConfig,
    calibration: Sequence[bytes],
    path: pathlib.Path,
) -> Conversion:
    begin(f"splitting the signature at {boundary}" if boundary else "splitting the signature")
    parts = split(
        signature,
        boundary,
        config.batch_size,
        lower=lambda graph: _lower(graph, config),
        tensors=config.boundary_tensors,
        transform=transform,
    )
    if is_calibrated(config):
        begin("reading the calibration sample")
    dataset = RepresentativeDataset(parts, calibration) if is_calibrated(config) else None
    begin(CONVERTING + parts.boundary)
    kept = parts.head.resources.variables_read if parts.head else ()
    path.write_bytes(convert(parts.tail, config, dataset, kept))
    begin("inspecting the model")
    found = inspect(path)
    warnings = range_warnings(dataset.ranges) if dataset else []
    warnings += check_quantization(found, config.quantization)
    warnings += _random_warnings(found)
    return Conversion(parts, dataset, found, warnings)


def _random_warnings(found: Inspection) -> list[str]:
    """What makes a model give something else each time, as layers do that augment images."""
    scopes = sorted({op.scope for op in found.ops if _RANDOM.search(op.name)})
    if not scopes:
        return []
    return [
        f"The model draws random numbers in {listed(scopes)}: it gives something else each time, "
        "and a comparison does not hold for the next. Leave out of the serving signature what is "
        "for training alone."
    ]


def _lower(
    graph: FlatGraph, config: TFLiteRewriterConfig
) -> tuple[FlatGraph, Mapping[str, list[str]]]:
    """Lowers the ops of a tail, unless the config allows the ones that it has."""
    return (graph, {}) if config.ops.allow_select_tf_ops else lower(graph, is_calibrated(config))


def _with_reason(found: Conversion, refusals: dict[Boundary, _Refusal]) -> Conversion:
    reasons = [found.split.reason]
    reasons += [f"{boundary} did not do: {_why(error)}" for boundary, error in refusals.items()]
    return dataclasses.replace(
        found, split=dataclasses.replace(found.split, reason="; ".join(reasons))
    )


def _refused(refusals: dict[Boundary, _Refusal]) -> _Refusal:
    """The error of the boundary that came furthest, with a word on the other."""
    (first, refused), (second, refused_again) = refusals.items()
    if isinstance(refused_again, SplitError):
        return _with_word_on(refused, second, refused_again)
    return _with_word_on(refused_again, first, refused)


def _with_word_on(error: _Refusal, boundary: Boundary, other: _Refusal) -> _Refusal:
    message = f"{error}\nThe boundary {boundary} does not do either: {_why(other)}"
    longer = type(error)(message, **vars(error))
    longer.__cause__ = error
    return longer


def _why(error: _Refusal) -> str:
    if isinstance(error, UnsupportedOpsError):
        return f"it needs {listed(error.ops)}, which the allowed ops do not cover"
    return str(error)
