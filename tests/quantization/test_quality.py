"""That candidates are compared in batches that the SavedModel takes."""

import pathlib

import models
import numpy as np
import pytest
import tensorflow as tf
from quantizable import example

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Verification
from tfx_tflite_component.quantization.quality import Judge, Quality
from tfx_tflite_component.split.split import split


@pytest.mark.parametrize(
    ("batch_size", "count", "compared"),
    [(None, 5, 5), (1, 5, 5), (2, 5, 4), (8, 5, 5)],
)
def test_batches_have_the_size_that_the_signature_fixes(
    batch_size: int | None, count: int, compared: int, tmp_path: pathlib.Path
) -> None:
    spec = tf.TensorSpec([batch_size, 3], tf.float32, "x")
    source = models.save(tmp_path / "model", lambda x: {"y": tf.exp(x)}, spec)
    signature = load_signature(source, "serving_default")
    examples = [example(x=np.full(3, value, np.float32)) for value in range(count)]
    judge = Judge(signature, split(signature), examples, Verification())
    assert judge.num_examples == compared
    assert judge.one_batch["x"].shape == (batch_size or count, 3)


def _judge(folder: pathlib.Path, largest: list[int]) -> Judge:
    """Compares on an example for each class in `largest`, which has the largest score there."""
    source = models.save(folder, lambda x: {"y": x}, tf.TensorSpec([None, 3], tf.float32, "x"))
    signature = load_signature(source, "serving_default")
    examples = [example(x=np.eye(3)[index]) for index in largest]
    limits = Verification(min_argmax_agreement=0.9, min_sqnr_db=-100)
    return Judge(signature, split(signature), examples, limits)


def test_one_disagreement_more_than_the_budget_allows_is_a_near_miss(
    tmp_path: pathlib.Path,
) -> None:
    spec = tf.TensorSpec([None, 3], tf.float32, "x")
    source = models.save(tmp_path / "model", lambda x: {"y": x * [1.0, 1.0, -1.0]}, spec)
    signature = load_signature(source, "serving_default")
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(split(signature).tail, read_config(None)))
    one, two, none = (
        _judge(tmp_path / name, [2] * wrong + [0] * (5 - wrong))
        for name, wrong in {"one": 1, "two": 2, "none": 0}.items()
    )

    def judged(judge: Judge) -> tuple[float | None, bool, bool]:
        quality: Quality = judge(path)
        return quality.argmax_agreement, quality.holds, quality.is_near_miss

    assert judged(one) == (0.8, False, True)
    assert judged(two) == (0.6, False, False)
    assert judged(one.joined(none)) == (0.9, True, False)
