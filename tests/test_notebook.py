"""`examples/notebook`, run as in Jupyter, but in this process, the worker included."""

import builtins
import dataclasses
import json
import pathlib
import shutil
import sys
from collections.abc import Iterator

import pytest
import traitlets.config
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from workers import in_process

pytestmark = pytest.mark.slow

_EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
_RAISES = "raises-exception"


@dataclasses.dataclass(frozen=True)
class Ran:
    """A cell of code that was run.

    Attributes:
        tags: Its tags.
        raised: Whether it raised an error.
        output: What it printed.
        pages: What it showed as HTML.
    """

    tags: list[str]
    raised: bool
    output: str
    pages: list[str]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Ran]]:
    folder = tmp_path_factory.mktemp("examples")
    notebook = shutil.copytree(_EXAMPLES / "notebook", folder / "notebook")
    (folder / "digits").symlink_to(_EXAMPLES / "digits")
    config = traitlets.config.Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    with pytest.MonkeyPatch.context() as patch, in_process():
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        # so that pip does not package the module file
        patch.setenv("UNSUPPORTED_DO_NOT_PACKAGE_USER_MODULES", "1")
        patch.setattr(builtins, "__IPYTHON__", True, raising=False)
        patch.setattr(sys, "displayhook", sys.displayhook)
        patch.chdir(notebook)
        shell = InteractiveShell.instance(config=config)
        content = json.loads((notebook / "digits.ipynb").read_text())
        yield [_run(shell, cell) for cell in content["cells"] if cell["cell_type"] == "code"]
        InteractiveShell.clear_instance()


def _run(shell: InteractiveShell, cell: dict) -> Ran:
    with capture_output() as captured:
        result = shell.run_cell("".join(cell["source"]))
    pages = [output.data.get("text/html", "") for output in captured.outputs]
    tags = cell["metadata"].get("tags", [])
    return Ran(tags, result.error_in_exec is not None, captured.stdout, pages)


def test_notebook_runs_from_data_to_an_interpreter(cells: list[Ran]) -> None:
    assert [cell.output for cell in cells if cell.raised != (_RAISES in cell.tags)] == []
    shown = [page for cell in cells for page in cell.pages if "tflite-report" in page]
    assert len(shown) == 1
    assert '<p class="badge passed">' in shown[0]
    (answer,) = [cell.output for cell in cells if "taken for" in cell.output]
    assert answer.startswith("a 0, taken for a 0 ")


def test_rejected_model_shows_its_error_in_five_lines(cells: list[Ran]) -> None:
    (rejected,) = [cell.output.strip().splitlines() for cell in cells if cell.raised]
    assert rejected[0].startswith("VerificationError: ")
    assert len(rejected) <= 5
    assert not any("Traceback" in line for line in rejected)
