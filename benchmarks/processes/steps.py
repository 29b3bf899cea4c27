"""Measures calibration and verification, and the least that each could take.

For a calibration that is the converter's own, on arrays that are in memory already; for a
verification it is the interpreter's own invocation. Both take turns in one process.
"""

import itertools
import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_tflite_component.artifact_layout import SIGNATURE_KEY
from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.quantization.calibration import RepresentativeDataset
from tfx_tflite_component.split.split import Split, split
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.verification.verify import verify

_SIDE = 96
_ROUNDS = 3
_CALIBRATED = 500
_COMPARED = 200
_CONFIG = read_config({"quantization": {"mode": "FULL_INTEGER"}})


class Network(tf.Module):
    """A small convolutional network on images of 96 by 96."""

    def __init__(self) -> None:
        """Makes random weights."""
        super().__init__()
        random = tf.random.Generator.from_seed(0)
        channels = [3, 32, 64, 128]
        self.filters = [
            tf.Variable(random.normal([3, 3, taken, given], stddev=(9 * taken) ** -0.5))
            for taken, given in itertools.pairwise(channels)
        ]
        self.dense = tf.Variable(random.normal([channels[-1], 10], stddev=0.1))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The scores of a batch of serialized `tf.Example`s."""
        features = {"image": tf.io.FixedLenFeature([_SIDE, _SIDE, 3], tf.float32)}
        maps = tf.io.parse_example(examples, features)["image"]
        for filters in self.filters:
            maps = tf.nn.relu(tf.nn.conv2d(maps, filters, strides=2, padding="SAME"))
        return {"scores": tf.reduce_mean(maps, axis=[1, 2]) @ self.dense}


def main() -> None:
    """Prints seconds."""
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-bench-") as folder:
        path = pathlib.Path(folder)
        network = Network()
        tf.saved_model.save(network, f"{path}/model", signatures=network.serve)
        signature = load_signature(path / "model", "serving_default")
        parts = split(signature)
        figures = _calibration(parts)
        dataset = RepresentativeDataset(parts, _examples(_CALIBRATED))
        (path / "tflite").write_bytes(convert(parts.tail, _CONFIG, dataset))
        figures |= _verification(signature, parts, path / "tflite")
    print(json.dumps(figures))


def _examples(count: int) -> list[bytes]:
    random = np.random.default_rng(0)
    return [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    "image": tf.train.Feature(
                        float_list=tf.train.FloatList(value=random.normal(size=_SIDE * _SIDE * 3))
                    )
                }
            )
        ).SerializeToString()
        for _ in range(count)
    ]


def _calibration(parts: Split) -> dict[str, float]:
    examples = _examples(_CALIBRATED)
    arrays = [batch for _, batch in RepresentativeDataset(parts, examples)()]

    def in_memory(count: int) -> Callable[[], Iterator[Any]]:
        return lambda: ((SIGNATURE_KEY, batch) for batch in arrays[:count])

    one, theirs, ours = _medians(
        lambda: convert(parts.tail, _CONFIG, in_memory(1)),
        lambda: convert(parts.tail, _CONFIG, in_memory(_CALIBRATED)),
        lambda: convert(parts.tail, _CONFIG, RepresentativeDataset(parts, examples)),
    )
    # all but the calibration takes as long for one example as for many
    return {"calibration": ours - one, "bare_calibration": theirs - one}


def _verification(signature: Any, parts: Split, path: pathlib.Path) -> dict[str, float]:
    examples = _examples(_COMPARED)
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    (details,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(details["index"], [_COMPARED, *details["shape"][1:]])
    interpreter.allocate_tensors()
    images = parts.head.function(examples=tf.constant(examples))["image"]
    interpreter.set_tensor(details["index"], images.numpy())
    theirs, trained, ours = _medians(
        interpreter.invoke,
        lambda: signature(examples=tf.constant(examples)),
        lambda: verify(signature, parts, TFLiteModel(path), examples),
    )
    return {"verification": ours, "bare_verification": theirs, "trained": trained}


def _medians(*steps: Callable[[], object]) -> list[float]:
    """The median seconds of each step; the steps take turns, after a first turn that warms up."""
    rounds = [[_seconds(step) for step in steps] for _ in range(_ROUNDS + 1)]
    return [statistics.median(seconds) for seconds in zip(*rounds[1:], strict=True)]


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
