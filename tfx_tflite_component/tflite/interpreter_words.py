"""The interpreter's messages, without places in TFLite's source code."""

import re

_SOURCE = re.compile(r"\S+\.(?:cc|c|h):\d+:? ?")
_FAILED = re.compile(r"\.?\s*Node number (?P<node>\d+) \((?P<op>\w+)\) failed to (?P<step>\w+)\.*")


def interpreter_words(error: Exception) -> str:
    """What the interpreter says, with the op that failed in front.

    Args:
        error: What the interpreter raised, such as "tensorflow/lite/kernels/gather.cc:171 index out
            of bounds.Node number 1 (GATHER) failed to invoke."

    Returns:
        The message, such as "GATHER (op 1) failed to invoke: index out of bounds".
    """
    text = " ".join(_SOURCE.sub("", str(error)).split())
    failed = _FAILED.search(text)
    if not failed:
        return text.rstrip(". ")
    reason = text[: failed.start()].rstrip(". ")
    op = f"{failed['op']} (op {failed['node']}) failed to {failed['step']}"
    return f"{op}: {reason}" if reason else op
