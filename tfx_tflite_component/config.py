"""Reads the config strictly: TFX's own parsing ignores what it does not know."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, text_format

from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization, TFLiteRewriterConfig

MODEL_FILENAME = "tflite"

_DEFAULT_SIGNATURE_KEY = "serving_default"
_NAMES_OF_SAVED_MODELS = ("assets", "assets.extra", "saved_model.pb", "variables", "fingerprint.pb")


def read_config(
    config: TFLiteRewriterConfig | Mapping[str, Any] | str | None,
) -> TFLiteRewriterConfig:
    """Reads and checks a config.

    Args:
        config: The message, or its JSON form as a mapping or a string, or its text form. None is
            the same as an empty message.

    Returns:
        A copy of the config, with the defaults filled in.

    Raises:
        ConfigError: It has an unknown field, a value out of range, or contradicts itself.
    """
    message = TFLiteRewriterConfig()
    try:
        if isinstance(config, TFLiteRewriterConfig):
            message.CopyFrom(config)
        elif isinstance(config, Mapping):
            json_format.ParseDict(dict(config), message)
        elif isinstance(config, str):
            # the text form of a message never begins with a brace
            parse = json_format.Parse if config.lstrip().startswith("{") else text_format.Parse
            parse(config, message)
        elif config is not None:
            raise ConfigError(
                f"The config is a {type(config).__name__}; expected a TFLiteRewriterConfig, or its "
                "JSON or text form."
            )
    except (json_format.ParseError, text_format.ParseError) as e:
        raise ConfigError(
            f"The config cannot be read: {e}. The fields are listed in proto/tflite_rewriter.proto."
        ) from e
    _fill_in_defaults(message)
    _check(message)
    return message


def _fill_in_defaults(config: TFLiteRewriterConfig) -> None:
    config.signature_key = config.signature_key or _DEFAULT_SIGNATURE_KEY
    if not config.HasField("enable_experimental_new_converter"):
        config.enable_experimental_new_converter = True


def _check(config: TFLiteRewriterConfig) -> None:
    _check_enum("input_boundary", config.input_boundary, TFLiteRewriterConfig.InputBoundary)
    _check_enum("quantization.mode", config.quantization.mode, Quantization.Mode)
    if config.quantization.mode in (Quantization.FULL_INTEGER, Quantization.INT16_ACTIVATIONS):
        raise ConfigError(
            f"quantization.mode: {Quantization.Mode.Name(config.quantization.mode)} is not "
            "supported yet. Use DYNAMIC_RANGE or FLOAT16."
        )
    if config.batch_size < 0:
        raise ConfigError(
            f"batch_size: {config.batch_size} is negative; expected 0 for a dynamic batch "
            "dimension, or the number of examples that one inference takes."
        )
    _check_extra_filename(config)


def _check_enum(field: str, value: int, enum: Any) -> None:
    if value not in enum.values():
        raise ConfigError(f"{field}: {value} is unknown; expected one of {listed(enum.keys())}.")


def _check_extra_filename(config: TFLiteRewriterConfig) -> None:
    name = config.output.extra_filename
    taken = (MODEL_FILENAME, ".", "..", *_NAMES_OF_SAVED_MODELS)
    if name in taken or not set(name).isdisjoint("/\\\0"):
        raise ConfigError(
            f"output.extra_filename: {name!r} is no file name of its own; expected a plain name "
            f"other than {listed(taken)}, such as 'model.tflite'."
        )
