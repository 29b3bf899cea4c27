"""A classifier to evaluate, what the rewriter makes of it, and what TFMA finds out about both."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from apache_beam.options.pipeline_options import PipelineOptions
from artifacts import examples_artifact, model_artifact, write_split
from google.protobuf import text_format
from models import EXAMPLES, example
from tensorflow_model_analysis.proto import config_pb2, validation_result_pb2
from tfx.components.evaluator.executor import Executor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.utils import proto_utils
from versions import PREFERRED_INTERPRETER
from workers import WorkerInProcess

from tfx_tflite_component import scoring
from tfx_tflite_component.config import read_config
from tfx_tflite_component.evaluation import custom_extractors
from tfx_tflite_component.rewriting.rewrite import Samples, rewrite

MODULE = "tfx_tflite_component.evaluation"
BEAM_ARGS = (
    "--runner=FnApiRunner",
    "--direct_running_mode=in_memory",
    # otherwise TFX packages itself for the workers, for seconds
    "--sdk_container_image=none",
)
GROUPS = ("even", "odd")

_FIRST_CODE = 10
_OUTLIER = 5.0

Metrics = dict[tuple[tuple[str, str], ...], dict[str, float]]


class Classifier(tf.Module):
    """Tells three classes apart by four values; the classes are written as codes in the examples.

    Damage is noise on its weights.
    """

    def __init__(self, damage: float = 0.0) -> None:
        super().__init__()
        # weights of this size are what dynamic range quantization takes
        hidden = tf.random.stateless_normal([4, 512], seed=[1, 2])
        scores = tf.random.stateless_normal([512, 3], seed=[3, 4]) / 20
        noise = tf.random.stateless_normal([512, 3], seed=[5, 6]) / 20
        self.hidden = tf.Variable(hidden)
        self.scores = tf.Variable(scores + damage * noise)

    def probabilities(self, values: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(tf.nn.relu(values @ self.hidden) @ self.scores)

    @tf.function(input_signature=[EXAMPLES])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, {"values": tf.io.FixedLenFeature([4], tf.float32)})
        return {"probabilities": self.probabilities(parsed["values"])}

    @tf.function(input_signature=[EXAMPLES])
    def transform_features(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = tf.io.parse_example(examples, {"code": tf.io.FixedLenFeature([1], tf.int64)})
        return {"label_xf": parsed["code"] - _FIRST_CODE}


def save_classifier(folder: pathlib.Path, damage: float = 0.0) -> pathlib.Path:
    """Saves the classifier as a Trainer would, in the layout of a Model artifact."""
    model = Classifier(damage)
    signatures = {"serving_default": model.serve, "transform_features": model.transform_features}
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures=signatures)
    return folder


@dataclasses.dataclass(frozen=True)
class Data:
    """What the classifier is tried on; it is right about eight of nine."""

    values: np.ndarray
    labels: np.ndarray
    examples: list[bytes]


def make_data(count: int, seed: int, outliers: bool = False) -> Data:
    """Makes examples; every tenth may have values far from all others."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, 4)).astype(np.float32)
    if outliers:
        values[::10] *= _OUTLIER
    labels = Classifier().probabilities(tf.constant(values)).numpy().argmax(axis=1)
    labels[4::9] = (labels[4::9] + 1) % 3
    examples = [
        example(
            values=row.tolist(),
            label=[int(label)],
            code=[int(label) + _FIRST_CODE],
            group=[GROUPS[index % 2]],
        )
        for index, (row, label) in enumerate(zip(values, labels, strict=True))
    ]
    return Data(values, labels, examples)


def publish(
    folder: pathlib.Path, source: pathlib.Path, config: str = "", examples: Sequence[bytes] = ()
) -> pathlib.Path:
    """Fills a Model artifact with what the rewriter makes of the SavedModel in another."""
    folder.mkdir(parents=True)
    samples = Samples(calibration=examples, verification=examples or None)
    rewrite(source / "Format-Serving", folder, read_config(config), samples)
    return folder


def run_by_hand(artifact: pathlib.Path, values: np.ndarray) -> np.ndarray:
    """Runs the classifier of an artifact on one example after the other, as an app would."""
    interpreter = PREFERRED_INTERPRETER(f"{artifact}/Format-Serving/tflite")
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    size = max(1, taken["shape_signature"][0])
    # XNNPACK leaves a dynamic batch dimension to slower kernels, which round otherwise
    interpreter.resize_tensor_input(taken["index"], [size, *values.shape[1:]])
    interpreter.allocate_tensors()
    scale, zero_point = given["quantization"]
    rows = []
    for row in values:
        interpreter.set_tensor(taken["index"], np.repeat([_quantized(row, taken)], size, axis=0))
        interpreter.invoke()
        output = interpreter.get_tensor(given["index"])[0]
        rows.append((output.astype(np.float64) - zero_point) * scale if scale else output)
    return np.array(rows)


def _quantized(row: np.ndarray, details: Mapping[str, Any]) -> np.ndarray:
    scale, zero_point = details["quantization"]
    if not scale:
        return row
    scaled = (row / np.float32(scale)).astype(np.float64)
    rounded = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5) + zero_point
    limits = np.iinfo(details["dtype"])
    return np.clip(rounded, limits.min, limits.max).astype(details["dtype"])


def eval_config(text: str) -> config_pb2.EvalConfig:
    return text_format.Parse(text, config_pb2.EvalConfig())


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What TFMA wrote, and what the Evaluator made of it."""

    path: str
    blessing: standard_artifacts.ModelBlessing | None = None

    def metrics(self, model: str = "", output: str = "") -> Metrics:
        """The metrics of a model's output for each slice."""
        result = tfma.load_eval_result(self.path, model_name=model)
        return {
            key: {name: value["doubleValue"] for name, value in outputs[output][""].items()}
            for key, outputs in result.slicing_metrics
        }

    @property
    def validation(self) -> validation_result_pb2.ValidationResult:
        return tfma.load_validation_result(self.path)

    @property
    def is_blessed(self) -> bool:
        return bool(self.blessing.get_int_custom_property("blessed"))


@contextlib.contextmanager
def trying_models_here() -> Iterator[None]:
    """Starts no worker for each model, which takes seconds; test_bad_model_files.py does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "Worker", WorkerInProcess)
        yield


def run_evaluator(
    folder: pathlib.Path,
    config: str,
    examples: Sequence[bytes],
    model: pathlib.Path,
    baseline: pathlib.Path | None = None,
    beam_args: Sequence[str] = BEAM_ARGS,
    shards: int = 1,
) -> Evaluation:
    """Runs the executor of the stock Evaluator on fake artifacts."""
    write_split(folder / "examples", "eval", examples, shards)
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(folder / "evaluation"), str(folder / "blessing")
    inputs = {
        "model": [model_artifact(model)],
        "examples": [examples_artifact(folder / "examples", splits=["eval"])],
    }
    if baseline:
        inputs["baseline_model"] = [model_artifact(baseline)]
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=list(beam_args), tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    with trying_models_here():
        Executor(context).Do(
            inputs,
            {"evaluation": [evaluation], "blessing": [blessing]},
            {
                "eval_config": proto_utils.proto_to_json(eval_config(config)),
                "module_path": MODULE,
                "example_splits": "null",
                "fairness_indicator_thresholds": "null",
            },
        )
    return Evaluation(evaluation.uri, blessing)


def run_analysis(
    folder: pathlib.Path,
    config: str,
    examples: Sequence[bytes],
    models: Mapping[str, pathlib.Path],
    is_stock: bool = False,
) -> Evaluation:
    """Runs TFMA without TFX; a model that is alone has no name."""
    write_split(folder / "examples", "eval", examples)
    parsed = eval_config(config)
    shared = [
        tfma.default_eval_shared_model(
            str(path / "Format-Serving"), model_name=name, eval_config=parsed
        )
        for name, path in models.items()
    ]
    with trying_models_here():
        extractors = None if is_stock else custom_extractors(shared, parsed)
    tfma.run_model_analysis(
        eval_shared_model=shared,
        eval_config=parsed,
        data_location=f"{folder}/examples/Split-eval/*",
        extractors=extractors,
        output_path=str(folder / "analysis"),
        pipeline_options=PipelineOptions(list(BEAM_ARGS)),
    )
    return Evaluation(str(folder / "analysis"))
