"""`tfx-tflite compare`: compares a TFLite model with a SavedModel or another TFLite model."""

from typing import Any

import click

from tfx_tflite_component.errors import VerificationError
from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.options import (
    command,
    config_of,
    config_options,
    examples_option,
)


@command("compare")
@click.argument("first", metavar="SAVED_MODEL_DIR|TFLITE_MODEL")
@click.argument("model", metavar="MODEL")
@examples_option("Files of examples that the SavedModel takes (default: random inputs).")
@config_options
def compare(first: str, model: str, examples: tuple[str, ...], as_json: bool, **config: Any) -> int:
    """Run the same inputs through a TFLite model and a SavedModel or another TFLite model.

    Fails if the outputs exceed the limits of `verification` in the config or, without them, the
    default limits of a conversion.
    """
    settings = config_of(**config)
    from tfx_tflite_component.json_form import to_json
    from tfx_tflite_component.standalone.compare import compare_by
    from tfx_tflite_component.worker.process import Worker

    with Worker() as worker:
        comparison = compare_by(worker, first, model, list(examples) or None, settings)
    if as_json:
        terminal.show_json(to_json(comparison))
    else:
        from tfx_tflite_component.report.text import describe_verification

        terminal.show(describe_verification(comparison.verification))
    if comparison.failures:
        raise VerificationError(f"The models differ: {'; '.join(comparison.failures)}.")
    return terminal.OK
