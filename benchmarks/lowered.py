"""Measures the tail of one SavedModel with and without Flex ops: its ops, and milliseconds.

python benchmarks/lowered.py SAVED_MODEL_DIR BOUNDARY
"""

import json
import pathlib
import statistics
import sys
import tempfile

import tensorflow as tf

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.lowering.lower import lower
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import cut_signature
from tfx_tflite_component.tflite.inspection import Inspection, OpSet, inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel, why_not_runnable
from tfx_tflite_component.verification.latency import measure_latency
from tfx_tflite_component.verification.verify import batches

_ROUNDS = 15


def main() -> None:
    """Prints the figures."""
    signature = load_signature(pathlib.Path(sys.argv[1]), "serving_default")
    cut = cut_signature(signature, Boundary(sys.argv[2]))
    parts = {"flex_": cut.with_tail(cut.graph, {}), "": cut.with_tail(*lower(cut.graph))}
    figures: dict[str, float | str] = {"tensorflow": tf.__version__}
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        models = {}
        for prefix, part in parts.items():
            path = pathlib.Path(folder, f"{prefix}model")
            allow = {"ops": {"allow_select_tf_ops": bool(prefix)}}
            path.write_bytes(convert(part.tail, read_config(allow)))
            found = inspect(path)
            figures |= _ops(prefix, found)
            if not why_not_runnable(found.op_set):
                models[prefix] = TFLiteModel(
                    path, needs_select_tf_ops=found.op_set == OpSet.SELECT_TF
                )
        inputs = next(batches(parts[""], 0, None)).taken
        taken = {prefix: [] for prefix in models}
        for _ in range(_ROUNDS):
            for prefix, model in models.items():
                taken[prefix].append(measure_latency(model, inputs).percentiles_ms["50"])
    figures |= {f"{prefix}ms": statistics.median(times) for prefix, times in taken.items()}
    print(json.dumps(figures))


def _ops(prefix: str, found: Inspection) -> dict[str, float]:
    if not prefix:
        return {"ops": len(found.ops)}
    flex = [op for op in found.ops if op.kind == OpSet.SELECT_TF]
    return {f"{prefix}model_ops": len(found.ops), f"{prefix}ops": len(flex)}


if __name__ == "__main__":
    main()
