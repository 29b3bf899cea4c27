"""Runs a model on the Interpreter of LiteRT, of tflite-runtime or of TensorFlow."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import exchange


def main(asked: exchange.Exchange) -> None:
    """Runs all calls and times the first.

    The request has "model", the path; "modules", those of which the first that is there has the
    Interpreter; and "inputs" and "outputs", the number of each one's tensor.
    """
    interpreter_class = _interpreter_class(asked.request["modules"])
    calls = asked.calls()
    # RuntimeError and ValueError are what the runtime itself refuses a model with
    try:
        interpreter = interpreter_class(model_path=asked.request["model"], num_threads=1)
        for position, array in calls[0].items():
            interpreter.resize_tensor_input(asked.request["inputs"][position], array.shape)
        interpreter.allocate_tensors()
        asked.say(loaded=True)
        outputs = [_infer(interpreter, asked.request, call) for call in calls]
        timed = exchange.milliseconds(lambda: _infer(interpreter, asked.request, calls[0]))
    except (RuntimeError, ValueError) as e:
        asked.refused(e)
        return
    asked.answered(outputs, milliseconds=timed)


def _interpreter_class(modules: list[str]) -> Any:
    for name in modules[:-1]:
        try:
            return importlib.import_module(name).Interpreter
        except ImportError:
            continue
    return importlib.import_module(modules[-1]).Interpreter


def _infer(interpreter: Any, request: dict[str, Any], call: dict[int, Any]) -> dict[int, Any]:
    for position, array in call.items():
        interpreter.set_tensor(request["inputs"][position], array)
    interpreter.invoke()
    return {
        position: interpreter.get_tensor(index) for position, index in enumerate(request["outputs"])
    }


if __name__ == "__main__":
    exchange.start(main)
