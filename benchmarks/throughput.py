"""Measures predictions by this package, by stock TFMA and by a bare interpreter.

They take turns in one process, on batches as TFMA makes them, with no Beam pipeline around them.
The bare interpreter finds arrays in memory, ready to be fed: it is the limit.
"""

import functools
import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from scored_models import FEATURE, MODELS, ScoredModel, make_images, publish, serialize
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.extractors.tflite_predict_extractor import TFLitePredictionDoFn
from tensorflow_model_analysis.proto import config_pb2

from tfx_tflite_component.evaluation import _TFLiteDoFn

_ROUNDS = 7
_BATCHES = 4
_BARE_BATCH_SIZE = 100


def main(name: str) -> None:
    """Prints microseconds an example for a kind of model."""
    kind = MODELS[name]
    images = make_images(kind, _BATCHES * kind.batch_size)
    batches = [
        {
            constants.INPUT_KEY: np.array([serialize(image) for image in part], dtype=object),
            constants.FEATURES_KEY: {FEATURE: part.reshape(len(part), -1)},
        }
        for part in np.split(images, _BATCHES)
    ]
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        model_dir = publish(kind, pathlib.Path(folder))
        steps = {
            "ours": functools.partial(_run_all, _ours(model_dir), batches),
            "stock": functools.partial(_run_all, _stock(model_dir), batches),
            "bare": _bare(model_dir, kind, images),
        }
        rounds = [{step: _seconds(run) for step, run in steps.items()} for _ in range(_ROUNDS + 1)]
    # the first round warms up
    medians = {step: statistics.median(taken[step] for taken in rounds[1:]) for step in steps}
    print(json.dumps({step: 1e6 * taken / len(images) for step, taken in medians.items()}))


def _run_all(process: Callable[[object], object], batches: Sequence[object]) -> None:
    for batch in batches:
        process(batch)


def _ours(model_dir: str) -> Callable[[object], object]:
    do_fn = _TFLiteDoFn(model_dir, [constants.PREDICTIONS_KEY])
    do_fn.setup()
    return lambda batch: list(do_fn.process(batch))


def _stock(model_dir: str) -> Callable[[object], object]:
    config = config_pb2.EvalConfig(model_specs=[config_pb2.ModelSpec(model_type="tf_lite")])
    model = tfma.default_eval_shared_model(model_dir, eval_config=config)
    do_fn = TFLitePredictionDoFn(config, {"": model})
    do_fn.setup()
    return do_fn.process


def _bare(model_dir: str, kind: ScoredModel, images: np.ndarray) -> Callable[[], None]:
    interpreter = tf.lite.Interpreter(f"{model_dir}/tflite", num_threads=1)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(taken["index"], [_BARE_BATCH_SIZE, *kind.shape])
    interpreter.allocate_tensors()

    def run() -> None:
        for part in np.split(images, len(images) // _BARE_BATCH_SIZE):
            interpreter.set_tensor(taken["index"], part)
            interpreter.invoke()
            interpreter.get_tensor(given["index"])

    return run


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
