"""What the Evaluator module and RunInference do with a model that keeps a state."""

import models
import numpy as np
import pytest
import tensorflow as tf
from workers import WorkerInProcess

from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.standalone.rewrite import rewrite_by


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """A model that multiplies by the number of its calls."""
    folder = tmp_path_factory.mktemp("counting")
    module = tf.Module()
    module.count = tf.Variable(0.0, name="count")

    def compute(features: models.Tensors) -> models.Tensors:
        return {"y": features["x"] * module.count.assign_add(1.0)}

    features = {"x": tf.io.FixedLenFeature([], tf.float32)}
    source = models.save_parsing(folder / "model", features, compute, module)
    rewrite_by(WorkerInProcess(), source, folder / "out")
    return Scorer(str(folder / "out"))


def test_each_example_is_scored_from_the_published_state(counting: Scorer) -> None:
    values = np.arange(1, 6, dtype=np.float32)
    examples = [models.example(x=[float(value)]) for value in values]
    for _ in range(2):
        np.testing.assert_array_equal(counting.score(examples)["y"], values)
