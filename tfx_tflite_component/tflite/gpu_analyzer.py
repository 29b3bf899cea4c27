"""Reads TensorFlow's analysis of a model on the GPU delegate from the text that it prints."""

import re

# what tensorflow/lite/tools/model_analyzer.cc prints: ops, each followed by the reasons against it
_OP = re.compile(r"^\s*(Op#\d+ [A-Z0-9_]+)\(")
_REASON = re.compile(r"^GPU COMPATIBILITY WARNING: (.*\S)")
_SUMMARY = re.compile(r"^Subgraph#")


def read_verdict(printed: str) -> tuple[int, tuple[str, ...]]:
    """Reads what the analyzer prints.

    Returns:
        The number of ops, and those that are refused, each with the reason.
    """
    # each graph of a file numbers its ops from 0
    refused: dict[tuple[int, str], list[str]] = {}
    ops, op = 0, ""
    for line in printed.splitlines():
        if found := _OP.match(line):
            ops, op = ops + 1, found[1]
        elif (found := _REASON.match(line)) and op and not _SUMMARY.match(found[1]):
            refused.setdefault((ops, op), []).append(found[1])
    return ops, tuple(f"{name}: {' '.join(reasons)}" for (_, name), reasons in refused.items())
