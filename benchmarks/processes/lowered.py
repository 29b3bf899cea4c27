"""Measures the tail of one SavedModel as it is and lowered: its ops, and milliseconds.

python lowered.py SAVED_MODEL_DIR
"""

import json
import pathlib
import statistics
import sys
import tempfile

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.lowering.lower import lower
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import cut_signature
from tfx_tflite_component.tflite.inspection import inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.verification.calls import answered_calls
from tfx_tflite_component.verification.latency import measure_latency

_ROUNDS = 15


def main(saved_model: str) -> None:
    """Prints the figures."""
    signature = load_signature(pathlib.Path(saved_model), "serving_default")
    cut = cut_signature(signature, Boundary.RAW_FEATURES)
    parts = {"plain": cut.with_tail(cut.graph, {}), "lowered": cut.with_tail(*lower(cut.graph))}
    inputs = next(answered_calls(signature, parts["lowered"], None)).call.taken
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        models = {}
        for name, part in parts.items():
            path = pathlib.Path(folder, name)
            path.write_bytes(convert(part.tail, read_config({})))
            figures[f"{name}_ops"] = len(inspect(path).ops)
            models[name] = TFLiteModel(path)
        rounds = [
            {name: measure_latency(model, inputs).percentiles_ms["50"] for name, model in items}
            for items in [models.items()] * _ROUNDS
        ]
    figures |= {f"{name}_ms": statistics.median(taken[name] for taken in rounds) for name in parts}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
