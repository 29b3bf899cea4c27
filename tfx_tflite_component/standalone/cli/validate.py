"""`tfx-tflite validate`: whether a TFLite model may ship."""

import click

from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.options import command, examples_option
from tfx_tflite_component.standalone.cli.targets import validator_config


@command("validate")
@click.argument("model", metavar="MODEL")
@click.option("--config", metavar="FILE", help="A TFLiteInfraValidatorConfig, as text or JSON.")
@examples_option("Files of examples for the head beside the model (default: random inputs).")
def validate(model: str, config: str | None, examples: tuple[str, ...], as_json: bool) -> int:
    """Run a TFLite model on each target of a config. Fails if it is not blessed."""
    settings = validator_config(config)
    from tfx_tflite_component.json_form import to_json
    from tfx_tflite_component.standalone.validate import describe_validation, validate_model

    validation = validate_model(model, settings, list(examples) or None)
    if as_json:
        terminal.show_json(to_json(validation))
    else:
        terminal.show(describe_validation(validation))
    return terminal.OK if validation.blessed else terminal.CHECK_FAILED
