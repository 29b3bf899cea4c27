"""The pages: they are found, their links lead somewhere, and no snippet goes untested."""

import re
import xml.etree.ElementTree
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor
from pages import CHECKOUT, PAGES, snippets
from versions import OF_NO_VERSION

from tfx_tflite_component import TFLiteRewriterConfig
from tfx_tflite_component.artifact_layout import HEAD_DIR, MODEL_FILENAME, SERVING_DIR
from tfx_tflite_component.config import read_config
from tfx_tflite_component.proto import tflite_rewriter_pb2

pytestmark = OF_NO_VERSION

_TESTS = CHECKOUT / "tests"
_LANGUAGES = ("python", "sh", "sql", "textproto")
_LINKS = [
    pytest.param(page, link, id=f"{page}-{link}")
    for page, text in PAGES.items()
    for link in sorted(set(re.findall(r"\]\((?!https?:)([^)]+)\)", text)))
]
_CONFIGS = [text for page in PAGES for text in snippets(page, "textproto")]
_COMMANDS = [
    line for page in PAGES for block in snippets(page, "sh") for line in block.splitlines()
]
_MAKE_COMMANDS = sorted(
    {line for line in _COMMANDS if line.startswith("make")}
    | {found for text in PAGES.values() for found in re.findall(r"`(make \S[^`\n]*)`", text)}
)
_PICTURE = (CHECKOUT / "docs" / "head-and-tail.svg").read_text()


def _anchors(text: str) -> set[str]:
    """The anchors that code hosts make of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "link"), _LINKS)
def test_link_leads_to_a_page_and_a_heading(page: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (CHECKOUT / page).parent / path if path else CHECKOUT / page
    assert target.exists()
    if anchor:
        assert anchor in _anchors(target.read_text())


def test_index_has_a_line_for_every_page() -> None:
    lines = re.findall(r"^- \[.+?\]\((.+?)\): .+\.$", PAGES["docs/README.md"], re.MULTILINE)
    pages = {path.name for path in (CHECKOUT / "docs").glob("*.md")}
    assert sorted(lines) == sorted(pages - {"README.md"})


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_its_language(page: str) -> None:
    fences = re.findall(r"^```(.*)$", PAGES[page], re.MULTILINE)
    assert set(fences[::2]) <= set(_LANGUAGES)
    assert set(fences[1::2]) <= {""}


@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page, "python")])
def test_python_of_a_page_is_run_by_a_test(page: str) -> None:
    tests = [path.read_text() for path in _TESTS.rglob("test_*.py")]
    ways = (f'snippets("{page}", "python")', f'"docs" / "{page.removeprefix("docs/")}"')
    assert any(way in test for test in tests for way in ways)


@pytest.mark.parametrize("config", _CONFIGS)
def test_config_is_accepted(config: str) -> None:
    assert read_config(config) != read_config(None)


@pytest.mark.parametrize("command", _MAKE_COMMANDS)
def test_make_has_the_target(command: str) -> None:
    _, target, *variables = command.split(maxsplit=2)
    assert re.search(rf"^{target}:", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert re.match(r'$|TFX=1\.(16|21)$|(EXAMPLE=\w+ )?ARGS=(".+"|\S+)$', *variables or [""])


def test_commands_are_of_programs_that_tests_run() -> None:
    assert {command.split()[0] for command in _COMMANDS} == {
        "eval",
        "make",
        "pip",
        "tfx-tflite",
        "uv",
    }


def test_every_field_of_the_config_is_in_its_page() -> None:
    listed = re.findall(r"^\| `([a-z][^`]*)` \| ", PAGES["docs/config.md"], re.MULTILINE)
    paths = {re.sub(r"\[\w*\]", "", path) for path in listed}
    assert paths == set(_fields(TFLiteRewriterConfig.DESCRIPTOR))


def test_every_value_of_an_enum_is_in_the_page_of_the_config() -> None:
    listed = re.findall(r"^\| `([A-Z0-9_]+)` \| ", PAGES["docs/config.md"], re.MULTILINE)
    messages = tflite_rewriter_pb2.DESCRIPTOR.message_types_by_name.values()
    assert sorted(listed) == sorted(
        value for message in messages for value in message.enum_values_by_name
    )


def test_every_field_of_the_config_has_a_meaning() -> None:
    rows = re.findall(r"^\| `[a-z][^|]+\|[^|]+\|[^|]+\|(.+)\|$", PAGES["docs/config.md"], re.M)
    assert rows
    assert not [row for row in rows if row.strip() in ("", "Optional.")]


def test_picture_shows_every_boundary_and_where_both_parts_are_kept() -> None:
    tree = xml.etree.ElementTree.fromstring(_PICTURE)
    texts = {" ".join("".join(one.itertext()).split()) for one in tree.iter() if one.text}
    boundaries = set(TFLiteRewriterConfig.InputBoundary.keys()) - {"AUTO"}
    assert boundaries <= texts
    assert any(text.endswith(f" {HEAD_DIR}/") for text in texts)
    assert any(f" {SERVING_DIR}/{MODEL_FILENAME}," in text for text in texts)


def _fields(message: Descriptor, prefix: str = "") -> Iterator[str]:
    """The fields of a message and of the messages in it, by their paths."""
    for name, field in message.fields_by_name.items():
        yield f"{prefix}{name}"
        held = field.message_type
        if held and held.GetOptions().map_entry:
            held = held.fields_by_name["value"].message_type
        if held:
            yield from _fields(held, f"{prefix}{name}.")
