"""The options that several commands have."""

import difflib
import functools
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from tfx_tflite_component.config import given_config, parse_config
from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization, TFLiteRewriterConfig
from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.overrides import override

QUANTIZE: Mapping[str, str] = {
    "auto": "AUTO",
    "none": "NONE",
    "dynamic": "DYNAMIC_RANGE",
    "float16": "FLOAT16",
    "int8": "FULL_INTEGER",
    "int16": "INT16_ACTIVATIONS",
}
"""The values of --quantize, and the modes of the config that they mean."""

_IO_TYPES = [value.name.lower() for value in Quantization.TensorType.DESCRIPTOR.values]
# TENSORS also takes the names of the tensors, by --set or --config
_BOUNDARIES = [
    value.name.lower()
    for value in TFLiteRewriterConfig.InputBoundary.DESCRIPTOR.values
    if value.number != TFLiteRewriterConfig.TENSORS
]
_PROTO = "proto/tflite_rewriter.proto"

Command = Callable[..., int]
_Config = TypeVar("_Config")


class Choice(click.Choice):
    """One of some words; the error about another word lists all of them and the nearest."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The word, in the case that it is listed in."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as e:
            near = difflib.get_close_matches(str(value).lower(), [*map(str, self.choices)], n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.BadParameter(e.message + hint, ctx, param) from e


def command(name: str) -> Callable[[Command], click.Command]:
    """A command with the common options: --json, --verbose, --log-file and --debug.

    The function takes `as_json` besides its own parameters, and returns the exit code.
    """

    def wrap(function: Command) -> click.Command:
        @click.command(name)
        @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
        @click.option("--verbose", is_flag=True, help="Print all that is logged.")
        @click.option("--log-file", metavar="FILE", help="Write all that is logged to FILE.")
        @click.option("--debug", is_flag=True, help="Print the traceback of an internal error.")
        @functools.wraps(function)
        def run(verbose: bool, log_file: str | None, debug: bool, **arguments: Any) -> int:
            def work() -> int:
                with terminal.on_the_terminal(verbose, log_file):
                    return function(**arguments)

            return terminal.outcome(work, debug)

        return run

    return wrap


def examples_option(help: str, name: str = "--examples") -> Callable[[Command], Command]:
    """An option that takes patterns of files with examples, as often as it is given."""
    return click.option(name, metavar="PATTERN", multiple=True, help=help)


def config_options(function: Command) -> Command:
    """The options that make up a config; pass their values to `config_of`."""
    for option in reversed(
        [
            click.option(
                "--config",
                metavar="FILE",
                help="A TFLiteRewriterConfig in text format (.textproto) or as JSON.",
            ),
            click.option(
                "--quantize", type=Choice([*QUANTIZE], False), help="The mode of quantization."
            ),
            click.option(
                "--io-type",
                type=Choice(_IO_TYPES, False),
                help="The dtype of quantized inputs and outputs.",
            ),
            click.option(
                "--boundary",
                type=Choice(_BOUNDARIES, False),
                help="Where the serving graph is split.",
            ),
            click.option("--batch-size", type=int, help="A fixed batch size."),
            click.option(
                "--import-module",
                "import_modules",
                metavar="MODULE",
                multiple=True,
                help="A Python module to import before the model is loaded, such as "
                "tensorflow_text.",
            ),
            click.option(
                "--set",
                "assignments",
                metavar="FIELD=VALUE",
                multiple=True,
                help="Any field of the config, such as verification.max_abs_error=0.01.",
            ),
        ]
    ):
        function = option(function)
    return function


def config_of(
    config: str | None,
    quantize: str | None,
    io_type: str | None,
    boundary: str | None,
    batch_size: int | None,
    import_modules: Iterable[str],
    assignments: Iterable[str],
) -> TFLiteRewriterConfig:
    """The config from the options of `config_options`; options override the file.

    Raises:
        ConfigError: The file cannot be read, or the config is refused.
    """
    message = TFLiteRewriterConfig()
    if config is not None:
        parse = functools.partial(parse_config, message=message, proto=_PROTO)
        read_config_file(config, "TFLiteRewriterConfig", parse)
    for field, value in [
        ("quantization.mode", quantize and QUANTIZE[quantize]),
        ("quantization.input_type", io_type),
        ("quantization.output_type", io_type),
        ("input_boundary", boundary),
        ("batch_size", None if batch_size is None else str(batch_size)),
    ]:
        if value is not None:
            override(message, field, value)
    message.import_modules.extend(import_modules)
    for assignment in assignments:
        field, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(
                f"--set: found {assignment!r}; expected FIELD=VALUE, such as "
                "quantization.mode=DYNAMIC_RANGE."
            )
        override(message, field.strip(), value.strip())
    try:
        return given_config(message)
    except ConfigError as e:
        raise ConfigError(f"--config {config}: {e}") if config else e from None


def read_config_file(path: str, kind: str, parse: Callable[[str], _Config]) -> _Config:
    """The config in a file, with the file's name in the errors of its parser.

    Args:
        path: The file.
        kind: The message that it should hold.
        parse: Makes a config of its text.

    Raises:
        ConfigError: The file cannot be read, or `parse` refuses its text.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(
            f"--config: {path} cannot be read: {e}. Name a file with a {kind} in its text or JSON "
            "form."
        ) from e
    try:
        return parse(text)
    except ConfigError as e:
        raise ConfigError(f"--config {path}: {e}") from e


def check_file(path: str, what: str) -> str:
    """The absolute path of a local file.

    Raises:
        ConfigError: There is no such file.
    """
    if not os.path.isfile(path):
        found = "a folder" if os.path.isdir(path) else "nothing"
        raise ConfigError(f"{path}: expected {what}, found {found}. Name a file that is there.")
    return os.path.abspath(path)
