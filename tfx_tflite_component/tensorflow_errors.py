"""TensorFlow's error messages, without details for its developers."""

import re

import tensorflow as tf

_TRACES = re.compile(
    r"\[\[.*?\]\]"
    r"|\{\{.*?\}\}"
    r"|\[Op:[^\]]*\]"
    r"|Graph execution error:.*?<stack traces unavailable>"
    r"|You may be trying to load on a different device.*",
    re.DOTALL,
)
# how tf.io.parse_example names a feature
_OF_FEATURE = re.compile(
    r"Name: <unknown>, (Key|Feature): (?P<name>.*?)"
    r"(, Index: \d+\.| \(data type: (?P<dtype>\w+)\))\s*"
)
# the messages of these have little more than a name
_SAY_LITTLE = (AttributeError, LookupError, TypeError)


def reason(error: Exception) -> str:
    """The reason for an error, in one line without a period.

    Args:
        error: An error of TensorFlow, or one that Python raised within TensorFlow.
    """
    message = error.message if isinstance(error, tf.errors.OpError) else str(error)
    if isinstance(error, UnicodeDecodeError):
        # TensorFlow's message, which quotes bytes that are not UTF-8
        message = error.object.decode(errors="backslashreplace")
    lines = [line.strip() for line in _TRACES.sub(" ", message).splitlines() if line.strip()]
    if isinstance(error, tf.errors.OpError | UnicodeDecodeError):
        # the reason comes after the names of the functions around it
        lines = lines[-1:]
    told = _OF_FEATURE.sub(_feature, " ".join(lines)).rstrip(". ")
    return f"{type(error).__name__}: {told}" if isinstance(error, _SAY_LITTLE) else told


def _feature(match: re.Match[str]) -> str:
    dtype = f" ({match['dtype']})" if match["dtype"] else ":"
    return f"feature {match['name']!r}{dtype} "
