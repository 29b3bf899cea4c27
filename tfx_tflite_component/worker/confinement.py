"""Confines the worker to its task, so that a hostile model harms only its own conversion."""

import logging
import os
from collections.abc import Mapping
from typing import Any

from tfx_tflite_component.worker import landlock
from tfx_tflite_component.worker.reach import reach_of

_log = logging.getLogger(__name__)
# The result of the one attempt that a process makes.
_outcome: list[bool] = []


def confine_to_task(message: Mapping[str, Any]) -> None:
    """Takes all rights from this process that its one task does not need.

    Args:
        message: The `request`, and the `environment` variables that it needs besides.
    """
    os.environ.update(message["environment"])
    reach = reach_of(message["request"])
    try:
        confined = landlock.restrict(reach.readable, reach.writable, reach.is_remote)
    except OSError as e:  # a container may forbid it
        _log.warning("Landlock cannot be used: %s", e)
        confined = False
    _outcome.append(confined)
    if not confined:
        _log.warning(
            "The process that works with TensorFlow is not confined: this kernel has no Landlock, "
            "or forbids it. It has all rights of its user. Convert only models that you trust, or "
            "use Linux 5.13 or newer."
        )


def is_confined() -> bool:
    """Whether this process was confined to its task."""
    return any(_outcome)
