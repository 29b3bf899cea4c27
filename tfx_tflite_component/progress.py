"""What the work with TensorFlow is at: told to the log, and to who waits for a worker."""

import logging

PROGRESS = logging.getLogger(__name__)
"""Each phase is one record, whose message reads as in "while it was ..."."""

CONVERTING = "converting at "
"""How the phases begin in which the converter runs; the boundary follows."""


def begin(phase: str) -> None:
    """Says that a phase begins.

    Args:
        phase: What is done in it, such as "verifying".
    """
    PROGRESS.info("%s", phase)
