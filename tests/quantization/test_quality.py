"""That candidates are compared in batches that the SavedModel takes."""

import pathlib

import models
import numpy as np
import pytest
import tensorflow as tf
from quantizable import example

from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Verification
from tfx_tflite_component.quantization.quality import Judge
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
