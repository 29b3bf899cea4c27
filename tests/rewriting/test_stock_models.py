"""The models that stock TFX pipelines train and that the TFX wheel brings along."""

import dataclasses
import pathlib
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
import tfx
from apache_beam.options.pipeline_options import PipelineOptions
from artifacts import read_split
from contract import Conversion, check_inputs
from lowerings import split_lowered
from pipelines import PipelineRun
from tensorflow_model_analysis.proto import config_pb2
from tfx.utils import path_utils

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.split.split import split
from tfx_tflite_component.tflite.inspection import inspect
from tfx_tflite_component.tflite.interpreter import TFLiteModel

pytestmark = pytest.mark.slow

_SELECT_TF = {"ops": {"allow_select_tf_ops": True}}
_TRAINER_TESTDATA = pathlib.Path(tfx.__file__).parent / "components" / "testdata" / "trainer"


@dataclasses.dataclass(frozen=True)
class _Stock:
    """A trained model and what became of it, with the real examples that they are compared on."""

    conversion: Conversion
    examples: list[bytes]

    def check(self, examples: list[bytes]) -> None:
        """Holds head, tail and TFLite model to the signature."""
        (name,) = self.conversion.signature.structured_input_signature[1]
        serialized = tf.constant(examples)
        taken = self.conversion.split.head.function(serialized)
        check_inputs(self.conversion, {name: serialized}, taken)


def _convert(
    saved_model: pathlib.Path | str, config: dict[str, Any], path: pathlib.Path
) -> Conversion:
    message = read_config(config)
    signature = load_signature(pathlib.Path(saved_model), message.signature_key)
    # as a rewriting does: what Select TF ops can do is not rewritten
    parts = split(signature) if message.ops.allow_select_tf_ops else split_lowered(signature)
    path.write_bytes(convert(parts.tail, message))
    model = TFLiteModel(path, needs_select_tf_ops=message.ops.allow_select_tf_ops)
    return Conversion(signature, parts, path, model)


def _saved_model(run: PipelineRun) -> pathlib.Path:
    return run.artifact("Trainer", "model") / "Format-Serving"


def _eval_examples(run: PipelineRun) -> list[bytes]:
    return read_split(run.artifact("CsvExampleGen", "examples"), "eval")


@pytest.fixture(scope="module")
def stock_penguin(penguin: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    path = tmp_path_factory.mktemp("penguin") / "tflite"
    return _Stock(_convert(_saved_model(penguin), {}, path), _eval_examples(penguin))


@pytest.fixture(scope="module")
def stock_taxi(taxi: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    path = tmp_path_factory.mktemp("taxi") / "tflite"
    return _Stock(_convert(_saved_model(taxi), _SELECT_TF, path), _eval_examples(taxi))


@pytest.fixture(scope="module")
def estimator_taxi(taxi: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    """A TF1 SavedModel in the layout of an Estimator's Trainer."""
    saved_model = path_utils.serving_model_path(str(_TRAINER_TESTDATA / "previous"))
    config = {"signature_key": "predict", **_SELECT_TF}
    path = tmp_path_factory.mktemp("estimator") / "tflite"
    return _Stock(_convert(saved_model, config, path), _eval_examples(taxi))


@pytest.fixture(scope="module")
def shipped_penguin(penguin: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    """A model without preprocessing that the TFX wheel brings along."""
    path = tmp_path_factory.mktemp("shipped") / "tflite"
    saved_model = _TRAINER_TESTDATA / "keras" / "Format-Serving"
    return _Stock(_convert(saved_model, {}, path), _eval_examples(penguin))


@pytest.fixture(params=["penguin", "taxi", "taxi of an Estimator", "penguin of the wheel"])
def stock(
    request: pytest.FixtureRequest,
    stock_penguin: _Stock,
    stock_taxi: _Stock,
    estimator_taxi: _Stock,
    shipped_penguin: _Stock,
) -> _Stock:
    return {
        "penguin": stock_penguin,
        "taxi": stock_taxi,
        "taxi of an Estimator": estimator_taxi,
        "penguin of the wheel": shipped_penguin,
    }[request.param]


def test_contract_holds_on_every_example_of_the_eval_split(stock: _Stock) -> None:
    stock.check(stock.examples)


def test_contract_holds_on_a_single_example(stock: _Stock) -> None:
    stock.check(stock.examples[:1])


def test_eval_splits_are_whole(stock_penguin: _Stock, stock_taxi: _Stock) -> None:
    assert len(stock_penguin.examples) >= 100
    assert len(stock_taxi.examples) > 4000


def test_penguin_needs_only_builtin_ops(stock_penguin: _Stock) -> None:
    assert inspect(stock_penguin.conversion.path).op_set == "BUILTIN"


def test_taxi_at_raw_features_needs_select_tf_ops(stock_taxi: _Stock) -> None:
    assert inspect(stock_taxi.conversion.path).op_set == "SELECT_TF"


def test_weights_are_constants_of_the_tflite_model(stock: _Stock) -> None:
    details = tf.lite.Interpreter(str(stock.conversion.path))._get_ops_details()
    assert "READ_VARIABLE" not in {detail["op_name"] for detail in details}


def test_taxi_inputs_are_named_after_the_raw_features(stock_taxi: _Stock) -> None:
    assert {"company", "fare", "trip_miles"} <= set(stock_taxi.conversion.model.inputs)


@pytest.mark.parametrize(
    ("op", "layer"),
    [
        ("DenseBincount", "model/category_encoding/bincount"),
        ("UpperBound", "transform_features_layer/bucketize/apply_buckets/assign_buckets"),
        (
            "StringToHashBucketFast",
            "transform_features_layer/compute_and_apply_vocabulary/apply_vocab/None_Lookup",
        ),
    ],
)
def test_taxi_with_only_builtins_is_refused_by_op_and_layer(
    stock_taxi: _Stock, op: str, layer: str
) -> None:
    with pytest.raises(UnsupportedOpsError) as raised:
        convert(stock_taxi.conversion.split.tail, read_config({}))
    (line,) = [line for line in str(raised.value).splitlines() if line.strip().startswith(op)]
    assert f"'{layer}'" in line


def _accuracy(model: pathlib.Path, model_type: str, run: PipelineRun) -> float:
    """The accuracy that stock TFMA measures on the raw examples of the eval split."""
    eval_config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key="species", model_type=model_type)],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[config_pb2.MetricConfig(class_name="SparseCategoricalAccuracy")]
            )
        ],
    )
    result = tfma.run_model_analysis(
        eval_shared_model=tfma.default_eval_shared_model(str(model), eval_config=eval_config),
        eval_config=eval_config,
        data_location=str(run.artifact("CsvExampleGen", "examples") / "Split-eval" / "*"),
        pipeline_options=PipelineOptions(["--runner=FnApiRunner"]),
    )
    metrics = result.get_metrics_for_slice()
    return metrics["sparse_categorical_accuracy"]["doubleValue"]


def test_stock_tfma_finds_every_input_of_the_tflite_model(
    stock_penguin: _Stock, penguin: PipelineRun, caplog: pytest.LogCaptureFixture
) -> None:
    accuracy = _accuracy(stock_penguin.conversion.path.parent, "tf_lite", penguin)
    assert "Setting default value" not in caplog.text
    assert accuracy == _accuracy(_saved_model(penguin), "", penguin)
    assert accuracy > 0.8
