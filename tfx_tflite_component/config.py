"""Reads the config strictly, because TFX's own parsing ignores unknown fields."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import json_format, text_format
from google.protobuf.message import Message

from tfx_tflite_component.config_checks import check_config, is_auto, is_calibrated
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Interface, TFLiteRewriterConfig

DEFAULTS: Mapping[str, Any] = {
    "signature_key": "serving_default",
    "enable_experimental_new_converter": True,
    "time_limit_seconds": 7200,
    "quantization.per_channel": True,
    "quantization.enable_experimental_new_quantizer": True,
    "quantization.auto.max_seconds": 600,
    "calibration.splits": ["train"],
    "calibration.num_examples": 500,
    "verification.splits": ["eval"],
    "verification.num_examples": 200,
}
"""The defaults of fields whose default differs from protobuf's."""

_HAVE_EFFECT: Mapping[str, Callable[[TFLiteRewriterConfig], bool]] = {
    "calibration": is_calibrated,
    "quantization.auto": is_auto,
    "signature_key": lambda config: not config.signature_keys,
}
"""For the fields that only some configs use: whether a config does."""


def read_config(
    config: TFLiteRewriterConfig | Mapping[str, Any] | str | None,
) -> TFLiteRewriterConfig:
    """Reads and checks a config, and fills in the defaults.

    Args:
        config: As for `given_config`.

    Raises:
        ConfigError: It has an unknown field, a value out of range, or contradicts itself.
    """
    return with_defaults(given_config(config))


def given_config(
    config: TFLiteRewriterConfig | Mapping[str, Any] | str | None,
) -> TFLiteRewriterConfig:
    """Reads and checks a config; values that were not given stay unset.

    Args:
        config: The message, or its JSON form as a mapping or a string, or its text form. None is
            the same as an empty message.

    Returns:
        A copy of the config.

    Raises:
        ConfigError: It has an unknown field, a value out of range, or contradicts itself.
    """
    message = TFLiteRewriterConfig()
    parse_config(config, message, "proto/tflite_rewriter.proto")
    check_config(with_defaults(message))
    return message


def parse_config(
    config: Message | Mapping[str, Any] | str | None, message: Message, proto: str
) -> None:
    """Parses a config strictly, without checking its values.

    Args:
        config: The message, or its JSON form as a mapping or a string, or its text form, or None.
        message: The empty message to fill.
        proto: The file that lists its fields, for the error.

    Raises:
        ConfigError: It has an unknown field, or is not a config.
    """
    if not isinstance(config, type(message) | Mapping | str | None):
        raise ConfigError(
            f"The config is a {type(config).__name__}; expected a {type(message).__name__}, or its "
            "JSON or text form."
        )
    try:
        if isinstance(config, type(message)):
            message.CopyFrom(config)
        elif isinstance(config, Mapping):
            json_format.ParseDict(dict(config), message)
        elif isinstance(config, str):
            # the text format of a message never begins with a brace
            parse = json_format.Parse if config.lstrip().startswith("{") else text_format.Parse
            parse(config, message)
    # the last two are for numbers that do not fit into an integer field, such as infinity
    except (
        *(json_format.ParseError, text_format.ParseError),
        *(RecursionError, OverflowError, ValueError),
    ) as e:
        raise ConfigError(
            f"The config cannot be read: {str(e).rstrip('.')}. The fields are listed in {proto}."
        ) from e


def with_defaults(config: TFLiteRewriterConfig) -> TFLiteRewriterConfig:
    """A copy of a config with `DEFAULTS` for unset fields."""
    filled = TFLiteRewriterConfig()
    filled.CopyFrom(config)
    for path, value in DEFAULTS.items():
        parent, _, field = path.rpartition(".")
        if _HAVE_EFFECT.get(parent or field, lambda _: True)(config):
            message = functools.reduce(getattr, filter(None, parent.split(".")), filled)
            _set_default(message, field, value)
    if filled.interface.batch == Interface.FIXED:
        filled.batch_size = filled.batch_size or 1
    return filled


def _set_default(message: Message, field: str, value: Any) -> None:
    descriptor = message.DESCRIPTOR.fields_by_name[field]
    is_set = message.HasField(field) if descriptor.has_presence else bool(getattr(message, field))
    if is_set:
        return
    if isinstance(value, list):
        getattr(message, field).extend(value)
    else:
        setattr(message, field, value)


def signature_keys(config: TFLiteRewriterConfig) -> list[str]:
    """The keys of the signatures to convert.

    Args:
        config: The config, as `read_config` gives it.
    """
    return list(config.signature_keys) or [config.signature_key]


def as_json(config: TFLiteRewriterConfig) -> dict[str, Any]:
    """The config as a mapping that `read_config` accepts."""
    return json_format.MessageToDict(config, preserving_proto_field_name=True)
