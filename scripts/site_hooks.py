"""What mkdocs does to the pages: files of the repository outside of docs/ are named, not linked."""

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page with links that lead somewhere in the site."""
    return _OUTSIDE.sub(lambda match: f"{match[1]} (`{match[2]}` in the repository)", markdown)
