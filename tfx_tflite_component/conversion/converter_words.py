"""The converter's messages, without details that only its developers can use."""

import re

_SAID = re.compile(r"\berror: (?!failed while converting)(?P<words>.+)")
_LOCATION = "loc("
_SENTENCES = re.compile(r"(?<=[.!?:;]) +")
# advice about the converter's own attributes and flags
_FLAGS = re.compile(
    r"converter\.|_experimental|\bflags?\b|supported_ops|OpsSet|--\w|tf select", re.I
)
_NOTHING = "it does not say why"


def words(error: Exception) -> str:
    """The last error that the converter logged, or else the first line of its message.

    MLIR's locations, escaped line ends, and advice to set attributes of the converter are left out.

    Args:
        error: What the converter raised.
    """
    return _cleaned(_last(str(error))) or _NOTHING


def _last(text: str) -> str:
    if said := _SAID.findall(text):
        return str(said[-1])
    first, _, rest = text.strip().partition("\n")
    # a heading by itself has no information
    return f"{first} {rest.strip()}" if first.endswith(":") else first


def _cleaned(text: str) -> str:
    text = " ".join(_without_locations(text).replace("\\n", " ").split())
    sentences = [part for part in _SENTENCES.split(text) if not _FLAGS.search(part)]
    return " ".join(sentences).rstrip(".:;, ")


def _without_locations(text: str) -> str:
    while _LOCATION in text:
        before, _, after = text.partition(_LOCATION)
        depth, end = 1, 0
        while depth and end < len(after):
            depth += {"(": 1, ")": -1}.get(after[end], 0)
            end += 1
        text = before + after[end:].lstrip(": ")
    return text
