"""Tries the boundaries, from the first choice to the last, until one converts."""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from tfx_tflite_component.app.metadata import describe, metadata_warnings, write_metadata
from tfx_tflite_component.config_checks import is_calibrated
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import ConversionError, SplitError, UnsupportedOpsError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.lowering.lower import lower
from tfx_tflite_component.lowering.passes import lstm
from tfx_tflite_component.lowering.replacement import replaced
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import (
    Interface,
    Quantization,
    TFLiteRewriterConfig,
)
from tfx_tflite_component.quantization.auto import divide, find_quantization
from tfx_tflite_component.quantization.calibration import RepresentativeDataset
from tfx_tflite_component.quantization.check import check_quantization, search_warnings
from tfx_tflite_component.quantization.float16 import convert_to_float16
from tfx_tflite_component.quantization.outcome import Outcome
from tfx_tflite_component.quantization.ranges import range_warnings
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.narrow import narrowed
from tfx_tflite_component.split.split import Cut, Split, boundaries, cut_signature
from tfx_tflite_component.tflite.inspection import Inspection, inspect
from tfx_tflite_component.tflite.metadata import ModelMetadata
from tfx_tflite_component.verification.measures import Origin

# builtin ops and Select TF ops
_RANDOM = re.compile(r"random|multinomial|truncated_?normal", re.IGNORECASE)

_Refusal: TypeAlias = SplitError | ConversionError


@dataclasses.dataclass(frozen=True)
class Samples:
    """Serialized `tf.Example`s to work with.

    Attributes:
        calibration: What to calibrate with; empty for modes that are not calibrated.
        verification: What to compare the two models on; None for random inputs.
        origins: Where each example of `verification` is stored, if that is known.
    """

    calibration: Sequence[bytes] = ()
    verification: Sequence[bytes] | None = None
    origins: Sequence[Origin] = ()


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A split signature with its converted tail.

    Attributes:
        split: The signature's two parts.
        dataset: The calibration sample; None for modes without calibration.
        found: The contents of the model.
        warnings: Warnings for the user.
        search: What the search for a quantization found; None unless the mode is AUTO.
        metadata: The TFLite metadata of the model; None if the config asks for none.
    """

    split: Split
    dataset: RepresentativeDataset | None
    found: Inspection
    warnings: list[str]
    search: Outcome | None = None
    metadata: ModelMetadata | None = None


def convert_signature(
    signature: ConcreteFunction,
    transform: ConcreteFunction | None,
    config: TFLiteRewriterConfig,
    samples: Samples,
    path: pathlib.Path,
    refused: Mapping[str, str],
) -> Conversion:
    """Converts a signature at the configured boundary, or at the first boundary that converts.

    Args:
        signature: The signature, as `load_signature` gives it.
        transform: The function of the transform graph, if given.
        config: The config.
        samples: The examples.
        path: The file to write the model to.
        refused: Boundaries that another process has tried, and why they failed.

    Raises:
        SplitError: The signature cannot be split there.
        ConversionError: The converter refused the tail, at every boundary that was tried.
        ExamplesError: The examples are not usable for calibration. No other boundary is tried then,
            because the inputs of a model must not depend on single examples.
    """

    def attempt(boundary: Boundary, nodes: frozenset[str]) -> Conversion:
        if boundary is Boundary.PER_FEATURE:
            return _behind_refused(functools.partial(attempt_once, boundary), nodes)
        return attempt_once(boundary, nodes)

    def attempt_once(boundary: Boundary, nodes: frozenset[str]) -> Conversion:
        return _convert_at(boundary, nodes, signature, transform, config, samples, path)

    if config.input_boundary != TFLiteRewriterConfig.AUTO:
        pinned = Boundary(TFLiteRewriterConfig.InputBoundary.Name(config.input_boundary))
        return attempt(pinned, frozenset())
    refusals: dict[Boundary, _Refusal] = {}
    for boundary in boundaries(signature, transform):
        nodes = _refused_nodes(refusals.values())
        if boundary in refused or (boundary is Boundary.PER_FEATURE and not nodes):
            continue
        try:
            found = attempt(boundary, nodes)
        except (SplitError, ConversionError) as e:
            refusals[boundary] = e
        else:
            reasons = {tried.value: _why(error) for tried, error in refusals.items()}
            return _with_reason(found, {**refused, **reasons})
    raise _refused(refusals, refused)


def _behind_refused(
    attempt: Callable[[frozenset[str]], Conversion], nodes: frozenset[str]
) -> Conversion:
    """Splits behind all nodes that the converter refuses, which it does not name all at once."""
    while True:
        try:
            return attempt(nodes)
        except UnsupportedOpsError as e:
            if (more := _refused_nodes([e])) <= nodes:
                raise
            nodes |= more


def _refused_nodes(errors: Iterable[_Refusal]) -> frozenset[str]:
    """The nodes of the signature's graph that the converter refused."""
    unsupported = [error for error in errors if isinstance(error, UnsupportedOpsError)]
    return frozenset(replaced(node) for error in unsupported for node in error.nodes)


def _convert_at(
    boundary: Boundary,
    refused_nodes: frozenset[str],
    signature: ConcreteFunction,
    transform: ConcreteFunction | None,
    config: TFLiteRewriterConfig,
    samples: Samples,
    path: pathlib.Path,
) -> Conversion:
    shapes = {name: shape.dims for name, shape in config.input_shapes.items()}
    begin(Phase.SPLITTING, boundary)
    cut = cut_signature(
        signature,
        boundary,
        config.batch_size,
        config.boundary_tensors,
        transform,
        refused_nodes,
        shapes,
    )
    is_narrow = config.interface.integers == Interface.INT32
    cut = narrowed(cut) if is_narrow else cut
    parts = _split(cut, config, is_calibrated(config))
    # before the conversion, which may take long
    metadata = describe(parts, config.metadata) if config.HasField("metadata") else None
    parts, dataset, outcome = _write(signature, cut, parts, config, samples, path)
    metadata = write_metadata(path, metadata) if metadata else None
    begin(Phase.INSPECTING)
    found = inspect(path)
    warnings = range_warnings(dataset.ranges) if dataset else []
    warnings += check_quantization(found, config.quantization)
    warnings += search_warnings(outcome) if outcome else []
    warnings += _random_warnings(found)
    warnings += metadata_warnings(metadata) if metadata else []
    return Conversion(parts, dataset, found, warnings, outcome, metadata)


def _write(
    signature: ConcreteFunction,
    cut: Cut,
    parts: Split,
    config: TFLiteRewriterConfig,
    samples: Samples,
    path: pathlib.Path,
) -> tuple[Split, RepresentativeDataset | None, Outcome | None]:
    """Writes a model; returns its parts, what it was calibrated with, and what AUTO found."""
    if config.quantization.mode == Quantization.AUTO:
        plain = _split(cut, config, is_for_integers=False)
        # only the op that is made of an LSTM lacks a form with 16-bit activations
        has_lstm = lstm.PASS.name in parts.lowered
        wide = functools.cache(lambda: cut.with_tail(*lower(cut.graph, True, is_16_bit=True)))
        others = (plain, wide if has_lstm else None)
        return _write_best(signature, parts, others, config, samples, path)
    if is_calibrated(config):
        begin(Phase.CALIBRATING)
    dataset = RepresentativeDataset(parts, samples.calibration) if is_calibrated(config) else None
    begin(Phase.CONVERTING, parts.boundary)
    kept = parts.head.resources.variables_read if parts.head else ()
    if config.quantization.mode == Quantization.FLOAT16:
        path.write_bytes(convert_to_float16(parts.tail, config, kept))
    else:
        path.write_bytes(convert(parts.tail, config, dataset, kept))
    return parts, dataset, None


def _write_best(
    signature: ConcreteFunction,
    parts: Split,
    others: tuple[Split, Callable[[], Split] | None],
    config: TFLiteRewriterConfig,
    samples: Samples,
    path: pathlib.Path,
) -> tuple[Split, RepresentativeDataset, Outcome]:
    """Writes the model that AUTO chooses, made from `parts` or those for floats or 16 bits."""
    begin(Phase.CALIBRATING)
    for_calibration, for_search = divide(samples.calibration)
    dataset = RepresentativeDataset(parts, for_calibration)
    begin(Phase.CONVERTING, parts.boundary)
    fresh = samples.verification or for_search
    plain, wide = others
    found = find_quantization(signature, parts, plain, wide, dataset, (for_search, fresh), config)
    path.write_bytes(found.content)
    if found.is_16_bit and wide:
        return wide(), dataset, found.outcome
    return plain if found.is_plain else parts, dataset, found.outcome


def _random_warnings(found: Inspection) -> list[str]:
    """Warnings about random ops, such as those of image augmentation."""
    scopes = sorted({op.scope for op in found.ops if _RANDOM.search(op.name)})
    if not scopes:
        return []
    return [
        f"The model draws random numbers in {listed(scopes)}: its outputs differ from run to "
        "run, so the comparison holds only for one run. Remove layers that are only for training "
        "from the serving signature."
    ]


def _split(cut: Cut, config: TFLiteRewriterConfig, is_for_integers: bool) -> Split:
    """Makes the tail, whose ops are lowered unless the config allows the ones that it has."""
    if config.ops.allow_select_tf_ops:
        return cut.with_tail(cut.graph, {})
    is_16_bit = config.quantization.mode == Quantization.INT16_ACTIVATIONS
    return cut.with_tail(*lower(cut.graph, is_for_integers, is_16_bit))


def _with_reason(found: Conversion, reasons: Mapping[str, str]) -> Conversion:
    """The conversion, with the reasons why earlier boundaries were skipped."""
    skipped = [f"{boundary} was skipped: {reason}" for boundary, reason in reasons.items()]
    reason = "; ".join([found.split.reason, *skipped])
    return dataclasses.replace(found, split=dataclasses.replace(found.split, reason=reason))


def _refused(refusals: dict[Boundary, _Refusal], refused: Mapping[str, str]) -> _Refusal:
    """The error of the boundary that got furthest, with a line on each of the others."""
    if not refusals:
        tried = "; ".join(f"at {boundary}, {reason}" for boundary, reason in refused.items())
        return ConversionError(f"No boundary is left to try: {tried}.")
    furthest = next(
        (name for name in reversed(refusals) if not isinstance(refusals[name], SplitError)),
        next(iter(refusals)),
    )
    error = refusals[furthest]
    others = [
        f"Splitting at {boundary} also failed: {_why(other)}"
        for boundary, other in refusals.items()
        if boundary != furthest
    ]
    if not others:
        return error
    longer = error.with_message("\n".join([str(error), *others]))
    longer.__cause__ = error
    return longer


def _why(error: _Refusal) -> str:
    if isinstance(error, UnsupportedOpsError):
        return f"it needs {listed(error.ops)}, which the allowed ops do not cover"
    return str(error)
