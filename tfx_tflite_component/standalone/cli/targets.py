"""`tfx-tflite targets install`: the environments of targets, ahead of time."""

import click

from tfx_tflite_component.proto.tflite_infra_validator_pb2 import TFLiteInfraValidatorConfig
from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.options import Choice, command, read_config_file


@command("targets")
@click.argument("action", metavar="install", type=Choice(["install"]))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--config", metavar="FILE", help="A TFLiteInfraValidatorConfig, as text or JSON.")
def targets(action: str, names: tuple[str, ...], config: str | None, as_json: bool) -> int:
    """Install the environments of targets, such as litert-2.3.0, so that runs need no network."""
    settings = validator_config(config)
    from tfx_tflite_component.standalone.validate import install_targets

    lines = install_targets(names, settings)
    if as_json:
        terminal.show_json(lines)
    else:
        terminal.show(lines)
    return terminal.OK


def validator_config(path: str | None) -> TFLiteInfraValidatorConfig:
    """The config of a file; that of an empty message without one.

    Raises:
        ConfigError: The file cannot be read, or the config is refused.
    """
    from tfx_tflite_component.targets.config import read_validator_config

    if path is None:
        return read_validator_config(None)
    return read_config_file(path, "TFLiteInfraValidatorConfig", read_validator_config)
