"""Inside a Trainer: TFX's own executors around a `run_fn` that converts."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from artifacts import examples_artifact, model_artifact, write_split
from evaluations import Evaluation, make_data, run_evaluator
from tfx.components.pusher.executor import Executor as PusherExecutor
from tfx.components.trainer.executor import GenericExecutor
from tfx.types import standard_artifacts
from workers import WorkerInProcess

from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.scoring import Scorer
from tfx_tflite_component.standalone import rewrite
from tfx_tflite_component.tflite.interpreter import TFLiteModel

pytestmark = pytest.mark.slow

_DATA = make_data(300, seed=1)
_TFLITE = ["head", "report.html", "report.json", "tflite"]
_SAVED_MODEL = ["assets", "fingerprint.pb", "saved_model.pb", "variables"]
_TWO_MODELS = """
model_specs { name: "candidate" model_type: "tf_lite" label_key: "label" }
model_specs { name: "baseline" label_key: "label" is_baseline: true }
metrics_specs { metrics {
  class_name: "SparseCategoricalAccuracy"
  config: '{"name": "accuracy"}'
  threshold { value_threshold { lower_bound { value: 0.8 } } }
} }
"""


def _train(folder: pathlib.Path, config: str) -> pathlib.Path:
    """The Model artifact that a Trainer fills."""
    for split in ("train", "eval"):
        write_split(folder / "examples", split, _DATA.examples)
    model, model_run = model_artifact(folder / "model"), standard_artifacts.ModelRun()
    model_run.uri = str(folder / "run")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrite, "Worker", WorkerInProcess)
        GenericExecutor().Do(
            {"examples": [examples_artifact(folder / "examples")]},
            {"model": [model], "model_run": [model_run]},
            {
                "module_path": "trainer_module",
                "train_args": '{"numSteps": 60}',
                "eval_args": "{}",
                "custom_config": json.dumps({"tflite": config}),
            },
        )
    return folder / "model"


@pytest.fixture(scope="module")
def tflite_alone(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return _train(tmp_path_factory.mktemp("tflite"), "batch_size: 0")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return _train(tmp_path_factory.mktemp("both"), "output { include_saved_model: true }")


@pytest.fixture(scope="module")
def evaluated(
    tflite_alone: pathlib.Path, both: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Evaluation:
    """The one Trainer's TFLite model, compared with the SavedModel beside the other's."""
    folder = tmp_path_factory.mktemp("evaluated")
    return run_evaluator(folder, _TWO_MODELS, _DATA.examples, tflite_alone, both)


def _names(folder: pathlib.Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _by_saved_model(artifact: pathlib.Path) -> np.ndarray:
    signature = load_signature(artifact / "Format-Serving", "serving_default")
    return signature(tf.constant(_DATA.examples))["probabilities"].numpy()


def test_trainer_exports_a_tflite_model(tflite_alone: pathlib.Path) -> None:
    assert _names(tflite_alone) == ["Format-Serving"]
    assert _names(tflite_alone / "Format-Serving") == _TFLITE
    report = json.loads((tflite_alone / "Format-Serving" / "report.json").read_text())
    assert report["boundary"] == "RAW_FEATURES"
    # from the files that `run_fn` is told of
    assert report["verification"]["inputs"] == "examples"
    assert report["verification"]["num_examples"] == 200


def test_trainer_exports_both_models(both: pathlib.Path) -> None:
    assert _names(both / "Format-Serving") == sorted(_TFLITE + _SAVED_MODEL)
    found = TFLiteModel(both / "Format-Serving" / "tflite")({"values": _DATA.values})
    np.testing.assert_allclose(found["probabilities"], _by_saved_model(both), atol=1e-5)


def test_model_is_scored_with_the_head_in_its_own_folder(
    tflite_alone: pathlib.Path, both: pathlib.Path
) -> None:
    found = Scorer(str(tflite_alone / "Format-Serving")).score(_DATA.examples)["probabilities"]
    np.testing.assert_allclose(found, _by_saved_model(both), atol=1e-5)


def test_evaluator_compares_what_trainers_export(evaluated: Evaluation, both: pathlib.Path) -> None:
    expected = np.mean(_by_saved_model(both).argmax(axis=1) == _DATA.labels)
    for name in ("candidate", "baseline"):
        assert evaluated.metrics(name)[()]["accuracy"] == pytest.approx(expected)
    assert evaluated.is_blessed


def test_pusher_ships_it(
    tflite_alone: pathlib.Path, evaluated: Evaluation, tmp_path: pathlib.Path
) -> None:
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / "pushed_model")
    destination = {"filesystem": {"baseDirectory": str(tmp_path / "served")}}
    PusherExecutor().Do(
        {"model": [model_artifact(tflite_alone)], "model_blessing": [evaluated.blessing]},
        {"pushed_model": [pushed]},
        {"push_destination": json.dumps(destination)},
    )
    (version,) = (tmp_path / "served").iterdir()
    assert _names(version) == _TFLITE
    assert (version / "tflite").read_bytes()[4:8] == b"TFL3"
