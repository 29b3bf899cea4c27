"""Runs a model on TensorFlow Lite Micro."""

from __future__ import annotations

import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import exchange

# An arena that is large enough for any model: several times the file and its tensors.
_TIMES = 20
_LEAST_BYTES = 2**20


def main(asked: exchange.Exchange) -> None:
    """Runs all calls, and prints how the arena was used.

    The request has "model", the path; "peak_tensor_bytes", for the size of the arena;
    "num_outputs"; and "graph", the number of the graph to run.
    """
    from tflite_micro import runtime

    request = asked.request
    calls = asked.calls()
    size = os.path.getsize(request["model"]) + request["peak_tensor_bytes"]
    try:
        interpreter = runtime.Interpreter.from_file(
            request["model"], arena_size=_LEAST_BYTES + _TIMES * size
        )
        asked.say(loaded=True)
        if request["graph"]:
            asked.refused(
                "TensorFlow Lite Micro runs only the first signature of a file; convert this one "
                "into a file of its own"
            )
            return
        outputs = [_infer(interpreter, request["num_outputs"], call) for call in calls]
        interpreter.print_allocations()
    except (RuntimeError, ValueError) as e:
        asked.refused(e)
        return
    asked.answered(outputs)


def _infer(interpreter: Any, num_outputs: int, call: dict[int, Any]) -> dict[int, Any]:
    for position, array in call.items():
        interpreter.set_input(array, position)
    interpreter.invoke()
    return {position: interpreter.get_output(position) for position in range(num_outputs)}


if __name__ == "__main__":
    exchange.start(main)
