"""A model with several signatures is scored under the name of each."""

import pathlib

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.ml.inference.base import PredictionResult, RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that
from artifacts import write_split
from evaluations import BEAM_ARGS, run_analysis
from quantizable import rewritten
from two_signatures import SIZE, save_shared, shared_examples
from workers import WorkerInProcess

from tfx_tflite_component import scoring
from tfx_tflite_component.errors import ModelFileError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.inference import TFLiteModelHandler
from tfx_tflite_component.samples.files import Files
from tfx_tflite_component.scoring import Scorer, check_model
from tfx_tflite_component.standalone.benchmark import benchmark_by
from tfx_tflite_component.worker import feed

_KEYS = ["serving_default", "backward"]
_EXAMPLES = shared_examples(40)
_CONFIG = """
model_specs {
  name: "forward" signature_name: "serving_default" model_type: "tf_lite" label_key: "label"
}
model_specs {
  name: "backward" signature_name: "backward" model_type: "tf_lite" label_key: "label"
  is_baseline: true
}
metrics_specs { metrics {
  class_name: "SparseCategoricalAccuracy" config: '{"name": "accuracy"}'
} }
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_shared(tmp_path_factory.mktemp("source") / "model")


@pytest.fixture(scope="module")
def published(source: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The Model artifact."""
    folder = tmp_path_factory.mktemp("published") / "model"
    rewritten(source, folder, {"signature_keys": _KEYS})
    return folder


@pytest.fixture(scope="module")
def expected(source: pathlib.Path) -> dict[str, np.ndarray]:
    """What the SavedModel gives for the examples, by signature."""
    return {
        key: load_signature(source, key)(tf.constant(_EXAMPLES))["probabilities"].numpy()
        for key in _KEYS
    }


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "Worker", WorkerInProcess)


@pytest.mark.parametrize("key", _KEYS)
def test_run_inference_scores_with_the_named_signature(
    key: str, published: pathlib.Path, expected: dict[str, np.ndarray]
) -> None:
    def check(results: list[PredictionResult]) -> None:
        found = {result.example: result.inference["probabilities"] for result in results}
        scores = np.array([found[example] for example in _EXAMPLES])
        np.testing.assert_allclose(scores, expected[key], atol=1e-5)

    handler = TFLiteModelHandler(f"{published}/Format-Serving", key)
    with beam.Pipeline(options=PipelineOptions(list(BEAM_ARGS))) as pipeline:
        assert_that(pipeline | beam.Create(_EXAMPLES) | RunInference(handler), check)


@pytest.mark.slow
def test_evaluator_scores_with_the_signature_of_the_spec(
    published: pathlib.Path, expected: dict[str, np.ndarray], tmp_path: pathlib.Path
) -> None:
    models = dict.fromkeys(["forward", "backward"], published)
    evaluation = run_analysis(tmp_path, _CONFIG, _EXAMPLES, models)
    # the labels are the classes that `serving_default` finds
    labels = expected["serving_default"].argmax(axis=1)
    agreement = float(np.mean(expected["backward"].argmax(axis=1) == labels))
    found = {name: evaluation.metrics(name)[()]["accuracy"] for name in models}
    assert found == pytest.approx({"forward": 1.0, "backward": agreement})
    assert agreement < 0.9


def test_examples_for_a_validator_go_through_the_head_of_each_signature(
    published: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "Worker", WorkerInProcess)
    write_split(tmp_path, "eval", _EXAMPLES)
    files = Files("examples", [f"{tmp_path}/Split-eval/*"])
    fed = feed.feed(published / "head", published / "Format-Serving" / "tflite", files, 5)
    assert [*fed] == _KEYS
    for inputs in fed.values():
        assert {name: array.shape for name, array in inputs.items()} == {"values": (5, SIZE)}


def test_benchmark_measures_the_named_signature(published: pathlib.Path) -> None:
    path = published / "Format-Serving" / "tflite"
    report = benchmark_by(WorkerInProcess(), path, [2], [1], "backward")
    assert [timing.latency.batch_size for timing in report.timings] == [2]
    with pytest.raises(ModelFileError, match="'serving_default', 'backward'"):
        benchmark_by(WorkerInProcess(), path, [2], [1], "embed")


def test_name_that_the_file_lacks_is_refused(published: pathlib.Path) -> None:
    for use in (Scorer, check_model):
        with pytest.raises(ModelFileError, match="'serving_default', 'backward'"):
            use(f"{published}/Format-Serving", "embed")
