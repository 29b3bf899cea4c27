"""docs/errors.md: every error is there, and the messages are those of the code."""

import ast
import inspect
import re
from collections.abc import Iterator

import pytest
from pages import CHECKOUT, PAGES
from versions import OF_NO_VERSION

from tfx_tflite_component import errors

pytestmark = OF_NO_VERSION

_PAGE = PAGES["docs/errors.md"]
_SECTIONS = _PAGE.partition("\n## ")[2]
_NAMED = "…"
_ERRORS = [
    name
    for name, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, errors.RewriterError) and value is not errors.RewriterError
]
_MESSAGES = [
    message for _, message in re.findall(r"^\| (``? ?)(.*?) ?``? \|", _SECTIONS, re.MULTILINE)
]


def _texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a module, with an ellipsis for each expression in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                part.value if isinstance(part, ast.Constant) else _NAMED for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """All strings of the package."""
    sources = sorted((CHECKOUT / "tfx_tflite_component").rglob("*.py"))
    return [text for source in sources for text in _texts(ast.parse(source.read_text()))]


@pytest.mark.parametrize("error", _ERRORS)
def test_error_is_named_and_has_a_section(error: str) -> None:
    assert f"\n| [`{error}`](#{error.lower()}) |" in _PAGE
    assert f"\n## {error}\n" in _PAGE


@pytest.mark.parametrize("message", _MESSAGES)
def test_message_is_one_of_the_code(message: str, texts: list[str]) -> None:
    parts = [re.escape(part) for part in message.split(_NAMED)]
    assert any(re.search(f".*{_NAMED}.*".join(parts), text) for text in texts)


def test_messages_are_found() -> None:
    assert len(_MESSAGES) > 40
