"""Measures the tails of models as they are and lowered: their ops, and milliseconds.

python lowered.py PENGUIN

PENGUIN is the folder of the SavedModel of TFX's stock penguin pipeline; the others are made here.
Tails that are not lowered may need Select TF ops. Where the interpreter lacks these, there are no
milliseconds.
"""

import json
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Mapping

import tensorflow as tf
from lowerable import LOWERABLE, Lowerable

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.lowering.lower import lower
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.split import cut_signature
from tfx_tflite_component.tflite.inspection import inspect
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel, why_not_runnable
from tfx_tflite_component.verification.calls import answered_calls
from tfx_tflite_component.verification.latency import measure_latency

_ROUNDS = 5
_EXAMPLES = tf.TensorSpec([None], tf.string, name="examples")
_CONFIGS = {"plain": {"ops": {"allow_select_tf_ops": True}}, "lowered": {}}


def main(penguin: str) -> None:
    """Prints the figures."""
    figures = _figures("penguin", load_signature(pathlib.Path(penguin), "serving_default"))
    for name, make in LOWERABLE.items():
        with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
            figures |= _figures(name, _saved(make(), pathlib.Path(folder)))
    print(json.dumps(figures))


def _saved(model: Lowerable, folder: pathlib.Path) -> ConcreteFunction:
    module = tf.Module()
    module.held = model.held

    @tf.function(input_signature=[_EXAMPLES], autograph=False)
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": model.compute(tf.io.parse_example(examples, model.features))}

    tf.saved_model.save(module, str(folder), signatures=serve)
    return load_signature(folder, "serving_default")


def _figures(model: str, signature: ConcreteFunction) -> dict[str, float]:
    cut = cut_signature(signature, Boundary.RAW_FEATURES)
    parts = {"plain": cut.with_tail(cut.graph, {}), "lowered": cut.with_tail(*lower(cut.graph))}
    inputs = next(answered_calls(signature, parts["lowered"], None)).call.taken
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        paths = {name: pathlib.Path(folder, name) for name in parts}
        for name, path in paths.items():
            path.write_bytes(convert(parts[name].tail, read_config(_CONFIGS[name])))
        found = {name: inspect(path) for name, path in paths.items()}
        figures: dict[str, float] = {
            f"{model}_{name}_ops": len(each.ops) for name, each in found.items()
        }
        if any(why_not_runnable(each.op_set) for each in found.values()):
            return figures
        models = {
            name: TFLiteModel(path, needs_select_tf_ops=found[name].needs_select_tf_ops)
            for name, path in paths.items()
        }
        return figures | {
            f"{model}_{name}_ms": milliseconds
            for name, milliseconds in _milliseconds(models, inputs).items()
        }


def _milliseconds(models: Mapping[str, TFLiteModel], inputs: Arrays) -> dict[str, float]:
    rounds = [
        {name: measure_latency(each, inputs).percentiles_ms["50"] for name, each in models.items()}
        for _ in range(_ROUNDS)
    ]
    return {name: statistics.median(taken[name] for taken in rounds) for name in models}


if __name__ == "__main__":
    main(*sys.argv[1:])
