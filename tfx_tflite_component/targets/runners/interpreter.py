"""Runs a model on the Interpreter of LiteRT, of tflite-runtime or of TensorFlow."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import exchange

# an array for each position
_Call = dict[int, Any]


def main(asked: exchange.Exchange) -> None:
    """Runs all calls and times the first.

    The request has "model", the path; "modules", those of which the first that is there has the
    Interpreter; "inputs" and "outputs", the number of each one's tensor; and "signature", the key
    of a signature of another graph than the first, with its "input_names" and "output_names".
    """
    interpreter_class = _interpreter_class(asked.request["modules"])
    calls = asked.calls()
    # RuntimeError and ValueError are what the runtime itself refuses a model with
    try:
        interpreter = interpreter_class(model_path=asked.request["model"], num_threads=1)
        infer = _prepared(interpreter, asked.request, calls[0])
        asked.say(loaded=True)
        outputs = [infer(call) for call in calls]
        timed = exchange.milliseconds(lambda: infer(calls[0]))
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


def _prepared(interpreter: Any, request: dict[str, Any], call: _Call) -> Callable[[_Call], _Call]:
    """The inference of a signature, or of the first graph at the sizes of a call."""
    # runs the first graph only; models without signatures have no other way
    if not request["signature"]:
        for position, array in call.items():
            interpreter.resize_tensor_input(request["inputs"][position], array.shape)
        interpreter.allocate_tensors()
        return functools.partial(_run_first_graph, interpreter, request)
    runner = interpreter.get_signature_runner(request["signature"])
    return functools.partial(_run_signature, runner, request)


def _run_signature(runner: Any, request: dict[str, Any], call: _Call) -> _Call:
    names = request["input_names"]
    outputs = runner(**{names[position]: array for position, array in call.items()})
    return {position: outputs[name] for position, name in enumerate(request["output_names"])}


def _run_first_graph(interpreter: Any, request: dict[str, Any], call: _Call) -> _Call:
    for position, array in call.items():
        interpreter.set_tensor(request["inputs"][position], array)
    interpreter.invoke()
    return {
        position: interpreter.get_tensor(index) for position, index in enumerate(request["outputs"])
    }


if __name__ == "__main__":
    exchange.start(main)
