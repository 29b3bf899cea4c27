"""The pages that users read, and what is in them to run."""

import pathlib
import re
from typing import Any

CHECKOUT = pathlib.Path(__file__).parents[2]

PAGES = {
    path.relative_to(CHECKOUT).as_posix(): path.read_text()
    for path in [
        CHECKOUT / "README.md",
        CHECKOUT / "CONTRIBUTING.md",
        *sorted(CHECKOUT.glob("docs/*.md")),
        *sorted(CHECKOUT.glob("examples/*/README.md")),
    ]
}
"""The texts of README.md, CONTRIBUTING.md, the pages in docs/ and the examples', by their paths."""


def snippets(page: str, language: str) -> list[str]:
    """The fenced blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def run(snippet: str, **names: Any) -> dict[str, Any]:
    """Runs a snippet that uses some names, and returns those it has then."""
    exec(compile(snippet, "snippet", "exec"), names)
    return names
