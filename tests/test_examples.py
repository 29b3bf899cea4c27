"""The examples, run as their READMEs say."""

import pathlib
import re

import pytest
from pages import PAGES
from pipelines import PipelineRun
from versions import IS_OLDEST

pytestmark = pytest.mark.slow

_DIGITS_TFLITE_MODELS = ["TFLiteFloat", "TFLiteDynamicRange", "TFLiteFullInteger", "TFLiteAuto"]
_DIGITS_MODELS = ["Trainer", *_DIGITS_TFLITE_MODELS]


def _row(run: PipelineRun, first_cell: str) -> list[str]:
    """The cells of the only line that begins with a word."""
    (line,) = re.findall(rf"^{first_cell}\b.*$", run.output, re.MULTILINE)
    return line.split()


def test_digits_ends_well(digits: PipelineRun) -> None:
    assert digits.exit_code == 0, digits.output


@pytest.mark.parametrize("model", _DIGITS_MODELS)
def test_digits_models_are_accurate(digits: PipelineRun, model: str) -> None:
    _, _, accuracy, *_ = _row(digits, model)
    assert float(accuracy) > 0.95


@pytest.mark.parametrize("model", _DIGITS_TFLITE_MODELS)
def test_digits_blesses_a_model_that_agrees_with_the_saved_model(
    digits: PipelineRun, model: str
) -> None:
    _, _, _, agreement, blessed, *_ = _row(digits, model)
    assert float(agreement.rstrip("%")) > 97
    assert blessed == "yes"


def test_digits_models_shrink_from_row_to_row(digits: PipelineRun) -> None:
    trained, exact, *small = (
        int(_row(digits, model)[1].replace(",", "")) for model in _DIGITS_MODELS
    )
    assert exact < trained / 2
    assert max(small) < exact / 2


@pytest.mark.skipif(not IS_OLDEST, reason="The tables are of TFX 1.16.")
@pytest.mark.parametrize("page", ["README.md", "examples/digits/README.md"])
def test_digits_prints_the_table_of_the_readme(digits: PipelineRun, page: str) -> None:
    cells = r"[| ]+([\d,]{6,})[| ]+(0\.\d+)[| ]+([\d.%-]+)[| ]+([a-z-]+) "
    table = re.findall(cells, PAGES[page])
    assert len(table) == len(_DIGITS_MODELS)
    for model, (size, *others) in zip(_DIGITS_MODELS, table, strict=True):
        _, found, *measured = _row(digits, model)
        # a SavedModel holds the paths of its code
        wanted = int(size.replace(",", ""))
        assert int(found.replace(",", "")) == pytest.approx(wanted, rel=1e-4)
        assert measured[: len(others)] == others


def test_digits_full_integer_model_may_ship(digits: PipelineRun) -> None:
    *_, may_ship, _ = _row(digits, "TFLiteFullInteger")
    assert may_ship == "yes"


def test_digits_pushes_the_full_integer_model(digits: PipelineRun) -> None:
    *_, destination = _row(digits, "TFLiteFullInteger")
    pushed = pathlib.Path(destination) / "tflite"
    rewritten = digits.artifact("TFLiteFullInteger", "model") / "Format-Serving" / "tflite"
    assert pushed.read_bytes() == rewritten.read_bytes()


def test_digits_keeps_the_terminal_quiet(digits: PipelineRun) -> None:
    assert len(digits.output.splitlines()) < 30
    assert "Component Trainer is finished." in (digits.root / "example-run.log").read_text()


def test_taxi_ends_well(taxi: PipelineRun) -> None:
    assert taxi.exit_code == 0, taxi.output


def test_taxi_prints_the_result(taxi: PipelineRun) -> None:
    _, path = _row(taxi, "model")
    assert pathlib.Path(path) == taxi.artifact("TFLiteRewriter", "model") / "Format-Serving/tflite"
    assert _row(taxi, "bytes")[1] == f"{pathlib.Path(path).stat().st_size:,}"
    assert _row(taxi, "boundary") == ["boundary", "PER_FEATURE"]
    assert _row(taxi, "12")[2:4] == ["company_xf,", "dropoff_latitude,"]


def test_taxi_pushes_the_tflite_model(taxi: PipelineRun) -> None:
    *_, destination = _row(taxi, "pushed")
    rewritten = taxi.artifact("TFLiteRewriter", "model") / "Format-Serving" / "tflite"
    assert pathlib.Path(destination, "tflite").read_bytes() == rewritten.read_bytes()
