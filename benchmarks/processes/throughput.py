"""Measures predictions by this package, by stock TFMA and by a bare interpreter.

They take turns in one process, on batches as TFMA makes them, with no Beam pipeline around them.
The bare interpreter gets what TensorFlow parses. TensorFlow parses with one thread throughout.

python throughput.py MODEL
"""

import concurrent.futures
import functools
import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from scored_models import FEATURE, MODELS, ScoredModel, make_images, publish, serialize
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.extractors.tflite_predict_extractor import TFLitePredictionDoFn
from tensorflow_model_analysis.proto import config_pb2

from tfx_tflite_component.scoring import Scorer

_ROUNDS = 5
_BATCHES = 8
_BARE_BATCH_SIZE = 50

Batch = dict[str, Any]
Process = Callable[[Batch], object]


def main(name: str) -> None:
    """Prints examples a second for a kind of model."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    kind = MODELS[name]
    count = _BATCHES * kind.batch_size
    batches = _make_batches(make_images(kind, count))
    with (
        tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        model_dir = publish(kind, pathlib.Path(folder))
        ours, bare = _ours(model_dir), [_bare(model_dir, kind) for _ in range(2)]
        halves = batches[::2], batches[1::2]
        steps = {
            "ours": functools.partial(_run_all, ours, batches),
            "stock": functools.partial(_run_all, _stock(model_dir), batches),
            "bare": functools.partial(_run_all, bare[0], batches),
            "two_threads": lambda: list(pool.map(_run_all, [ours, ours], halves)),
            "bare_two_threads": lambda: list(pool.map(_run_all, bare, halves)),
        }
        rounds = [{step: _seconds(run) for step, run in steps.items()} for _ in range(_ROUNDS + 1)]
    # the first round warms up
    medians = {step: statistics.median(taken[step] for taken in rounds[1:]) for step in steps}
    print(json.dumps({step: count / taken for step, taken in medians.items()}))


def _make_batches(images: np.ndarray) -> list[Batch]:
    return [
        {
            constants.INPUT_KEY: np.array([serialize(image) for image in part], dtype=object),
            constants.FEATURES_KEY: {FEATURE: part.reshape(len(part), -1)},
        }
        for part in np.split(images, _BATCHES)
    ]


def _run_all(process: Process, batches: Sequence[Batch]) -> None:
    for batch in batches:
        process(batch)


def _ours(model_dir: str) -> Process:
    scorer = Scorer(model_dir)
    return lambda batch: scorer.score(batch[constants.INPUT_KEY].tolist())


def _stock(model_dir: str) -> Process:
    config = config_pb2.EvalConfig(model_specs=[config_pb2.ModelSpec(model_type="tf_lite")])
    model = tfma.default_eval_shared_model(model_dir, eval_config=config)
    do_fn = TFLitePredictionDoFn(config, {"": model})
    do_fn.setup()
    return do_fn.process


def _bare(model_dir: str, kind: ScoredModel) -> Process:
    interpreter = tf.lite.Interpreter(f"{model_dir}/tflite", num_threads=1)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(taken["index"], [_BARE_BATCH_SIZE, *kind.shape])
    interpreter.allocate_tensors()
    parse = _parser(kind)

    def run(batch: Batch) -> None:
        images = parse(tf.constant(batch[constants.INPUT_KEY])).numpy()
        for part in np.split(images, len(images) // _BARE_BATCH_SIZE):
            interpreter.set_tensor(taken["index"], part)
            interpreter.invoke()
            interpreter.get_tensor(given["index"])

    return run


def _parser(kind: ScoredModel) -> Callable[[tf.Tensor], tf.Tensor]:
    features = {FEATURE: tf.io.FixedLenFeature(kind.shape, tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def parse(examples: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_example(examples, features)[FEATURE]

    return parse


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
