"""`tfx-tflite check-golden`: compares a TFLite model with golden vectors."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tfx_tflite_component.errors import VerificationError
from tfx_tflite_component.standalone.cli import terminal
from tfx_tflite_component.standalone.cli.options import check_file, command

if TYPE_CHECKING:
    from tfx_tflite_component.app.golden import GoldenCheck

_MOST_LINES = 10


@command("check-golden")
@click.argument("model", metavar="MODEL")
@click.argument("golden", metavar="GOLDEN_JSON")
def check_golden(model: str, golden: str, as_json: bool) -> int:
    """Run a TFLite model on golden vectors. Fails if an output differs by more than its tolerance.

    GOLDEN_JSON is the file that a conversion with app { golden_vectors } wrote beside its report.
    """
    model, golden = check_file(model, "a TFLite model"), check_file(golden, "golden vectors")
    from tfx_tflite_component.json_form import to_json
    from tfx_tflite_component.standalone import golden as standalone

    with standalone.Worker() as worker:
        check = standalone.check_golden_by(worker, model, golden)
    if as_json:
        terminal.show_json(to_json(check))
    else:
        terminal.show(_lines(check))
    if check.mismatches:
        vectors = {mismatch.vector for mismatch in check.mismatches}
        raise VerificationError(
            f"The outputs of {model} differ from {len(vectors)} of {check.num_vectors} golden "
            f"vectors in {golden}. Make new vectors if the model was meant to change."
        )
    return terminal.OK


def _lines(check: "GoldenCheck") -> Iterator[str]:
    if not check.is_same_model:
        yield "  This is not the model that the golden vectors were made with."
    for mismatch in check.mismatches[:_MOST_LINES]:
        covers = f" ({', '.join(mismatch.covers)})" if mismatch.covers else ""
        yield (
            f"  vector {mismatch.vector}{covers}: {mismatch.tensor!r} differs by "
            f"{mismatch.error:.3g}; {mismatch.tolerance:.3g} is allowed"
        )
    passed = check.num_vectors - len({mismatch.vector for mismatch in check.mismatches})
    yield f"  {passed} of {check.num_vectors} golden vectors pass"
