"""What a config is refused for: values out of range, contradictions, and what has no effect."""

import math
from collections.abc import Iterable
from typing import Any

from tfx_tflite_component.artifact_layout import (
    APP_DIR,
    C_ARRAY_STEM,
    C_ARRAY_SUFFIXES,
    GOLDEN_JSON,
    HEAD_DIR,
    MODEL_FILENAME,
    REPORT_HTML,
    REPORT_JSON,
    SERVING_DIR,
    SNIPPETS,
)
from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.op_effects import SIDE_EFFECTS
from tfx_tflite_component.proto.tflite_rewriter_pb2 import (
    App,
    Auto,
    Interface,
    Limits,
    Metadata,
    Quantization,
    TFLiteRewriterConfig,
    Verification,
)

EXAMPLES_REMEDY = "Pass examples=example_gen.outputs['examples']"

# The types that inputs and outputs may have in modes with calibration.
_TENSOR_TYPES = {
    Quantization.FULL_INTEGER: [Quantization.FLOAT32, Quantization.INT8, Quantization.UINT8],
    Quantization.INT16_ACTIVATIONS: [Quantization.FLOAT32, Quantization.INT16],
    Quantization.AUTO: [Quantization.FLOAT32],
}
_WITHOUT_SCALES = (Quantization.NONE, Quantization.FLOAT16)
_NAMES_OF_SAVED_MODELS = (
    *("assets", "assets.extra", "variables"),
    *("saved_model.pb", "saved_model.pbtxt", "fingerprint.pb", "keras_metadata.pb"),
)
# files beside the model outside a pipeline
_NAMES_OF_OURS = (
    *(MODEL_FILENAME, HEAD_DIR, SERVING_DIR, REPORT_JSON, REPORT_HTML, APP_DIR),
    *(f"{C_ARRAY_STEM}{suffix}" for suffix in C_ARRAY_SUFFIXES),
    *(GOLDEN_JSON, *SNIPPETS.values()),
)
# the limit of Linux's file systems, in bytes
_LONGEST_FILENAME = 255


def is_calibrated(config: TFLiteRewriterConfig) -> bool:
    """Whether the config's mode of quantization needs calibration."""
    return config.quantization.mode in _TENSOR_TYPES


def is_auto(config: TFLiteRewriterConfig) -> bool:
    """Whether the config's mode of quantization is chosen by a search."""
    return config.quantization.mode == Quantization.AUTO


def check_examples(
    config: TFLiteRewriterConfig,
    given: bool,
    remedy: str = EXAMPLES_REMEDY,
) -> None:
    """Refuses a config that needs examples if there are none.

    Args:
        config: The config, as `given_config` returns it.
        given: Whether there are `examples`.
        remedy: How to provide examples, for the message.

    Raises:
        ConfigError: The config needs `examples`.
    """
    if given:
        return
    if is_calibrated(config):
        raise ConfigError(
            f"quantization.mode: {Quantization.Mode.Name(config.quantization.mode)} is calibrated "
            f"with real examples, but there are no `examples`. {remedy}."
        )
    if config.app.golden_examples == App.REAL:
        raise ConfigError(
            f"app.golden_examples: REAL takes real examples, but there are no `examples`. {remedy}."
        )
    for field in ("splits", "num_examples"):
        if value := getattr(config.verification, field):
            raise ConfigError(
                f"verification.{field}: {value} is about `examples`, which are not given. "
                f"{remedy}, or remove it."
            )


def check_files(config: TFLiteRewriterConfig, given: bool) -> None:
    """Refuses a config with fields that have no effect outside a pipeline, such as splits.

    Args:
        config: The config, as `given_config` returns it.
        given: Whether there are `examples`.

    Raises:
        ConfigError: The config needs `examples`, or has such a field.
    """
    check_examples(config, given, remedy="Name the files to take them from")
    if config.app.push:
        raise ConfigError(
            "app.push has no effect outside a pipeline, where there is no Pusher. Remove it."
        )
    for field, splits in [
        ("calibration", config.calibration.splits),
        ("verification", config.verification.splits),
    ]:
        if splits:
            raise ConfigError(
                f"{field}.splits: {listed(splits)} has no effect outside a pipeline, "
                "where the examples are files and have no splits. Remove it."
            )


def check_transform_graph(config: TFLiteRewriterConfig, given: bool) -> None:
    """Refuses a transform graph that would have no effect.

    Args:
        config: The config, as `read_config` gives it.
        given: Whether the component has a `transform_graph`.

    Raises:
        ConfigError: The config's boundary does not use it.
    """
    boundaries = (
        TFLiteRewriterConfig.AUTO,
        TFLiteRewriterConfig.PER_FEATURE,
        TFLiteRewriterConfig.TRANSFORMED_FEATURES,
    )
    if given and config.input_boundary not in boundaries:
        name = TFLiteRewriterConfig.InputBoundary.Name(config.input_boundary)
        raise ConfigError(
            f"The component's `transform_graph` has no effect with input_boundary: {name}; it "
            "names the inputs at TRANSFORMED_FEATURES. Remove one of the two."
        )


def check_config(config: TFLiteRewriterConfig) -> None:
    """Refuses a config whose values are out of range, contradict each other or have no effect.

    Args:
        config: The config, with the defaults filled in.

    Raises:
        ConfigError: It has such a value.
    """
    _check_signature_keys(config)
    _check_enum("input_boundary", config.input_boundary, TFLiteRewriterConfig.InputBoundary)
    _check_boundary_tensors(config)
    _check_not_negative("batch_size", config.batch_size)
    _check_input_shapes(config)
    _check_enum("interface.integers", config.interface.integers, Interface.Integers)
    _check_enum("interface.batch", config.interface.batch, Interface.Batch)
    _check_not_negative("time_limit_seconds", config.time_limit_seconds)
    _check_quantization(config)
    _check_not_negative("calibration.num_examples", config.calibration.num_examples)
    _check_verification(config.verification)
    _check_extra_filename(config)
    _check_app(config)
    _check_metadata(config.metadata)
    _check_import_modules(config.import_modules)
    _check_trusted_ops(config.trusted_ops)


def _check_signature_keys(config: TFLiteRewriterConfig) -> None:
    keys = list(config.signature_keys)
    if "" in keys or len(set(keys)) < len(keys):
        raise ConfigError(
            f"signature_keys: {keys}; expected the keys of different signatures, such as "
            "['serving_default', 'embed']."
        )
    for field, is_set, what in [
        ("signature_key", bool(config.signature_key), "the only signature"),
        ("boundary_tensors", bool(config.boundary_tensors), "tensors of one signature"),
    ]:
        if keys and is_set:
            raise ConfigError(
                f"signature_keys: {keys} cannot be set with {field}, which is for {what}. Remove "
                "one of the two."
            )


def _check_boundary_tensors(config: TFLiteRewriterConfig) -> None:
    named = bool(config.boundary_tensors)
    if named != (config.input_boundary == TFLiteRewriterConfig.TENSORS):
        name = TFLiteRewriterConfig.InputBoundary.Name(config.input_boundary)
        raise ConfigError(
            f"input_boundary: {name} {'cannot be set with' if named else 'needs'} boundary_tensors"
            ": TENSORS names the inputs of the model by them, and no other boundary does."
        )
    if "" in config.boundary_tensors:
        raise ConfigError("boundary_tensors: an input of the model needs a name, found ''.")


def _check_input_shapes(config: TFLiteRewriterConfig) -> None:
    for name, shape in config.input_shapes.items():
        if not shape.dims or not all(size == -1 or size > 0 for size in shape.dims):
            raise ConfigError(
                f"input_shapes[{name!r}].dims: {list(shape.dims)}; expected the size of each "
                "dimension, 1 or more, or -1 where it stays open."
            )


def _check_quantization(config: TFLiteRewriterConfig) -> None:
    quantization = config.quantization
    _check_enum("quantization.mode", quantization.mode, Quantization.Mode)
    mode = Quantization.Mode.Name(quantization.mode)
    _check_enum("quantization.auto.minimize", quantization.auto.minimize, Auto.Minimize)
    _check_not_negative("quantization.auto.max_seconds", quantization.auto.max_seconds)
    types = _TENSOR_TYPES.get(quantization.mode, [Quantization.FLOAT32])
    for field in ("input_type", "output_type"):
        value = getattr(quantization, field)
        _check_enum(f"quantization.{field}", value, Quantization.TensorType)
        if value not in types:
            raise ConfigError(
                f"quantization.{field}: {Quantization.TensorType.Name(value)} cannot be set with "
                f"mode: {mode}; expected one of {listed(map(Quantization.TensorType.Name, types))}."
            )
    # otherwise, each of these would be accepted and have no effect
    for field, is_set, has_effect in [
        (
            "quantization.allow_float_fallback",
            quantization.allow_float_fallback,
            quantization.mode in (Quantization.FULL_INTEGER, Quantization.INT16_ACTIVATIONS),
        ),
        (
            "quantization.auto",
            quantization.HasField("auto"),
            is_auto(config),
        ),
        (
            "quantization.per_channel: false",
            not quantization.per_channel,
            quantization.mode not in _WITHOUT_SCALES,
        ),
        (
            "quantization.enable_experimental_new_quantizer: false",
            not quantization.enable_experimental_new_quantizer,
            quantization.mode == Quantization.FULL_INTEGER,
        ),
        ("calibration", config.HasField("calibration"), is_calibrated(config)),
    ]:
        if is_set and not has_effect:
            raise ConfigError(
                f"{field} has no effect with quantization.mode: {mode}. Leave it out."
            )


def _check_verification(verification: Verification) -> None:
    _check_not_negative("verification.num_examples", verification.num_examples)
    _check_enum("verification.on_failure", verification.on_failure, Verification.OnFailure)
    _check_limits("verification", verification)
    for name, limits in verification.outputs.items():
        _check_limits(f"verification.outputs[{name!r}]", limits)


def _check_limits(field: str, limits: Verification | Limits) -> None:
    # `not >=` is true of NaN as well
    if not limits.max_abs_error >= 0:
        raise ConfigError(f"{field}.max_abs_error: {limits.max_abs_error}; expected 0 or more.")
    if not 0 <= limits.min_argmax_agreement <= 1:
        raise ConfigError(
            f"{field}.min_argmax_agreement: {limits.min_argmax_agreement}; expected a share of the "
            "examples, from 0 to 1."
        )
    if math.isnan(limits.min_sqnr_db):
        raise ConfigError(f"{field}.min_sqnr_db: {limits.min_sqnr_db}; expected decibels.")


def _check_not_negative(field: str, value: int) -> None:
    if value < 0:
        raise ConfigError(f"{field}: {value} is negative; expected 0 for the default, or more.")


def _check_enum(field: str, value: int, enum: Any) -> None:
    if value not in enum.values():
        raise ConfigError(f"{field}: {value} is unknown; expected one of {listed(enum.keys())}.")


def _check_extra_filename(config: TFLiteRewriterConfig) -> None:
    name = config.output.extra_filename
    taken = (*_NAMES_OF_OURS, ".", "..", *_NAMES_OF_SAVED_MODELS)
    is_path = not set(name).isdisjoint("/\\\0")
    if name in taken or is_path or len(name.encode()) > _LONGEST_FILENAME:
        raise ConfigError(
            f"output.extra_filename: {name!r} cannot be the extra file's name; expected a name "
            f"of up to {_LONGEST_FILENAME} bytes, other than {listed(taken)}, such as "
            "'model.tflite'."
        )


def _check_app(config: TFLiteRewriterConfig) -> None:
    app = config.app
    _check_not_negative("app.golden_vectors", app.golden_vectors)
    _check_enum("app.golden_examples", app.golden_examples, App.GoldenExamples)
    if app.golden_examples and not app.golden_vectors:
        raise ConfigError(
            f"app.golden_examples: {App.GoldenExamples.Name(app.golden_examples)} has no effect "
            "without golden vectors. Set app.golden_vectors to their number, such as 32."
        )
    for language in app.snippets:
        _check_enum("app.snippets", language, App.Language)
    if app.push and not (app.c_array or app.golden_vectors or app.snippets):
        raise ConfigError(
            "app.push has no effect without files to push. Set another field of app as well."
        )


def _check_metadata(metadata: Metadata) -> None:
    if metadata.labels and metadata.labels_file:
        raise ConfigError(
            f"metadata.labels and metadata.labels_file: {metadata.labels_file!r} both name the "
            "classes. Remove one of the two."
        )
    # a string of C ends at its first zero
    unusable = [one for one in metadata.labels if one.splitlines() != [one] or "\0" in one]
    if unusable:
        raise ConfigError(
            f"metadata.labels: {listed(unusable[:3])}; expected one line of text for each class."
        )
    if len(metadata.mean) != len(metadata.std):
        raise ConfigError(
            f"metadata.mean has {len(metadata.mean)} numbers, and metadata.std has "
            f"{len(metadata.std)}; an app passes (pixel - mean) / std to the model. Give as many "
            "of both."
        )
    if not all(map(math.isfinite, [*metadata.mean, *metadata.std])) or 0 in metadata.std:
        raise ConfigError(
            f"metadata.mean: {list(metadata.mean)}, metadata.std: {list(metadata.std)}; expected "
            "finite numbers, and no 0 in metadata.std."
        )


def _check_import_modules(names: Iterable[str]) -> None:
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ConfigError(
                f"import_modules: {name!r} is not the name of a Python module; expected one such "
                "as 'tensorflow_text'."
            )


def _check_trusted_ops(ops: Iterable[str]) -> None:
    harmless = [op for op in ops if op not in SIDE_EFFECTS]
    if harmless:
        raise ConfigError(
            f"trusted_ops: {listed(harmless)} is not refused in any model; expected names of ops "
            "that errors about the model give, such as 'ReadFile'. Remove it."
        )
