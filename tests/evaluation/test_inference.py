"""Beam's RunInference with a published model."""

import pathlib
from collections.abc import Iterator, Sequence

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.ml.inference.base import PredictionResult, RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that
from evaluations import BEAM_ARGS, make_data, publish, save_classifier
from tfx.dsl.io import fileio
from tfx.utils import io_utils
from workers import WorkerInProcess

from tfx_tflite_component import inference, scoring
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.inference import TFLiteModelHandler
from tfx_tflite_component.scoring import Scorer

pytestmark = pytest.mark.usefixtures("_in_process")

_EXAMPLES = make_data(40, seed=0).examples


@pytest.fixture
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "Worker", WorkerInProcess)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_classifier(tmp_path_factory.mktemp("trained") / "model")


@pytest.fixture(scope="module")
def published(trained: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return publish(tmp_path_factory.mktemp("published") / "model", trained)


@pytest.fixture(scope="module")
def expected(trained: pathlib.Path) -> dict[bytes, np.ndarray]:
    """What the SavedModel gives for each example."""
    signature = load_signature(trained / "Format-Serving", "serving_default")
    probabilities = signature(tf.constant(_EXAMPLES))["probabilities"].numpy()
    return dict(zip(_EXAMPLES, probabilities, strict=True))


def _check_inference(
    model_dir: str, expected: dict[bytes, np.ndarray], beam_args: Sequence[str] = BEAM_ARGS
) -> None:
    """Runs a pipeline on the examples and compares what comes out with what is expected."""

    def check(results: list[PredictionResult]) -> None:
        assert sorted(result.example for result in results) == sorted(expected)
        for result in results:
            assert result.model_id == model_dir
            assert list(result.inference) == ["probabilities"]
            np.testing.assert_allclose(
                result.inference["probabilities"], expected[result.example], atol=1e-6
            )

    with beam.Pipeline(options=PipelineOptions(list(beam_args))) as pipeline:
        results = pipeline | beam.Create(_EXAMPLES) | RunInference(TFLiteModelHandler(model_dir))
        assert_that(results, check)


def test_each_result_has_the_example_and_the_saved_models_outputs(
    published: pathlib.Path, expected: dict[bytes, np.ndarray]
) -> None:
    _check_inference(f"{published}/Format-Serving", expected)


class _CountedScorer(Scorer):
    """A scorer that counts how often it is loaded."""

    loaded = 0

    def __init__(self, *arguments: str) -> None:
        type(self).loaded += 1
        super().__init__(*arguments)


def test_threads_of_a_worker_share_one_loaded_model(
    published: pathlib.Path,
    expected: dict[bytes, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_CountedScorer, "loaded", 0)
    monkeypatch.setattr(inference, "Scorer", _CountedScorer)
    threads = [
        "--runner=FnApiRunner",
        "--direct_running_mode=multi_threading",
        "--direct_num_workers=2",
    ]
    _check_inference(f"{published}/Format-Serving", expected, threads)
    assert _CountedScorer.loaded == 1


@pytest.fixture
def remote(published: pathlib.Path) -> Iterator[str]:
    """The artifact on a file system that is not the local one."""
    uri = "ram://inference/model"
    io_utils.copy_dir(str(published), uri)
    yield uri
    fileio.rmtree(uri)


def test_loads_a_model_from_a_remote_file_system(
    remote: str, expected: dict[bytes, np.ndarray]
) -> None:
    _check_inference(f"{remote}/Format-Serving", expected)


def test_inference_arguments_are_refused(published: pathlib.Path) -> None:
    handler = TFLiteModelHandler(f"{published}/Format-Serving")
    with pytest.raises(ValueError, match="temperature"):
        list(handler.run_inference(_EXAMPLES, handler.load_model(), {"temperature": 1.0}))


def test_the_size_of_a_batch_is_that_of_its_examples() -> None:
    assert TFLiteModelHandler("unused").get_num_bytes([b"one", b"three"]) == 8
