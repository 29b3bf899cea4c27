"""`tfx-tflite benchmark`: how fast TFLite models are on this machine."""

import click

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.options import check_file, command


@command("benchmark")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option(
    "--batch-size",
    "batch_sizes",
    type=click.IntRange(min=1),
    multiple=True,
    default=(1, 8, 32),
    show_default=True,
    help="A number of examples in one inference; may be given several times.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    multiple=True,
    default=(1,),
    show_default=True,
    help="A number of threads; may be given several times.",
)
@click.option(
    "--signature-key",
    metavar="KEY",
    default=SIGNATURE_KEY,
    show_default=True,
    help="The signature to run, if a model has several.",
)
def benchmark(
    models: tuple[str, ...],
    batch_sizes: tuple[int, ...],
    threads: tuple[int, ...],
    signature_key: str,
    as_json: bool,
) -> int:
    """Measure the latency of TFLite models by batch size and threads, on random inputs.

    A model with a fixed batch size is measured at that only. The figures are of this machine: use
    them to rank models, not to predict the speed of a device.
    """
    paths = [check_file(model, "a TFLite model") for model in models]
    from tfx_tflite_component.json_form import to_json
    from tfx_tflite_component.standalone.benchmark import benchmark_by
    from tfx_tflite_component.worker.process import Worker

    reports = {}
    for model, path in zip(models, paths, strict=True):
        with Worker() as worker:
            reports[model] = benchmark_by(worker, path, batch_sizes, threads, signature_key)
    if as_json:
        data = [{"model": model, **to_json(report)} for model, report in reports.items()]
        terminal.show_json(data[0] if len(data) == 1 else data)
        return terminal.OK
    from tfx_tflite_component.report.text import describe_benchmark

    for model, report in reports.items():
        terminal.show([f"{model}:", *describe_benchmark(report)])
    return terminal.OK
