"""docs/errors.md counts the bad inputs that the tests try."""

import collections
import pathlib
import re

import pytest
from pages import PAGES
from versions import OF_NO_VERSION

pytestmark = OF_NO_VERSION

_KINDS = {
    "configs": ["test_bad_configs"],
    "examples": ["test_bad_examples"],
    "signatures": ["test_bad_signatures"],
    "SavedModels": ["test_bad_saved_models", "test_hostile_saved_models"],
    "Keras files": ["test_hostile_keras_files"],
    "TFLite models": ["test_bad_model_files"],
    "files that are no regular files, and what may not be read": ["test_hostile_files"],
}


def test_page_has_the_numbers_of_tests(request: pytest.FixtureRequest) -> None:
    folder = pathlib.Path(__file__).parent
    tests = collections.Counter(
        item.path.stem for item in request.session.items if item.path.parent == folder
    )
    files = {path.stem for path in folder.glob("test_*.py")}
    if request.config.getoption("few_rows") or tests.keys() != files:
        pytest.skip("some of the tests are not selected")
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| [^|]*\|$", PAGES["docs/errors.md"], re.MULTILINE)
    assert {kind: int(count) for kind, count in rows} == {
        kind: sum(tests[module] for module in modules) for kind, modules in _KINDS.items()
    }
