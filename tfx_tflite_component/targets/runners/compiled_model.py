"""Runs a model on LiteRT's CompiledModel, on the CPU."""

from __future__ import annotations

import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import exchange


def main(asked: exchange.Exchange) -> None:
    """Runs all calls and times the first.

    The request has "model", the path, and "signature", its key, empty for a model without any, for
    which CompiledModel makes one up; "input_names" and "output_names",
    which the signature gives the inputs and outputs of the graph; and "output_dtypes".
    """
    from ai_edge_litert.compiled_model import CompiledModel

    calls = asked.calls()
    try:
        model = CompiledModel.from_file(asked.request["model"])
        asked.request["signature"] = asked.request["signature"] or next(
            iter(model.get_signature_list())
        )
        _resize(model, asked.request, calls[0])
        asked.say(loaded=True)
        outputs = [_infer(model, asked.request, call) for call in calls]
        timed = exchange.milliseconds(lambda: _infer(model, asked.request, calls[0]))
    except (RuntimeError, ValueError) as e:
        asked.refused(e)
        return
    asked.answered(outputs, milliseconds=timed)


def _resize(model: Any, request: dict[str, Any], call: dict[int, Any]) -> None:
    details = model.get_input_tensor_details(request["signature"])
    for position, array in call.items():
        name = request["input_names"][position]
        if list(details[name]["shape"]) != list(array.shape):
            model.resize_input_tensor_by_name(request["signature"], name, list(array.shape))


def _infer(model: Any, request: dict[str, Any], call: dict[int, Any]) -> dict[int, Any]:
    key, names = request["signature"], request["output_names"]
    inputs = {}
    for position, array in call.items():
        name = request["input_names"][position]
        inputs[name] = model.create_input_buffer_by_name(key, name)
        inputs[name].write(array)
    outputs = {name: model.create_output_buffer_by_name(key, name) for name in names}
    model.run_by_name(key, inputs, outputs)
    return {
        position: _read(outputs[name], request["output_dtypes"][position])
        for position, name in enumerate(names)
    }


def _read(buffer: Any, dtype: str) -> Any:
    import numpy as np

    shape = list(buffer.get_tensor_details()["shape"])
    return buffer.read(int(np.prod(shape)), np.dtype(dtype).type).reshape(shape)


if __name__ == "__main__":
    exchange.start(main)
