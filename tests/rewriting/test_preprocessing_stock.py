"""What becomes of the preprocessing of TFX's own pipelines: in the model, or left in the head."""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from artifacts import read_split
from contract import TOLERANCE
from evaluations import Evaluation, run_evaluator
from pipelines import PipelineRun
from quantizable import Rewritten, rewritten
from versions import OF_NO_VERSION, RUNS_SELECT_TF_OPS

from tfx_tflite_component.errors import UnsupportedOpsError
from tfx_tflite_component.tflite.inspection import OpSet
from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel

pytestmark = [pytest.mark.slow, pytest.mark.all_rows]

_RUNS_FLEX = pytest.mark.skipif(
    not RUNS_SELECT_TF_OPS, reason="the interpreter lacks the Select TF ops"
)
_RAW, _PER_FEATURE, _TRANSFORMED = "RAW_FEATURES", "PER_FEATURE", "TRANSFORMED_FEATURES"
_FLEX_AT_RAW = {"input_boundary": _RAW, "ops": {"allow_select_tf_ops": True}}
_TAXI_FEATURES = {
    *("trip_miles", "fare", "trip_seconds"),
    *("payment_type", "company"),
    *("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude"),
    *("trip_start_hour", "trip_start_day", "trip_start_month"),
}
_HASHED = {"payment_type", "company"}
_SAMPLE = 500


@dataclasses.dataclass(frozen=True)
class _Stock:
    """A model that a Trainer saved, and what it was rewritten into.

    Attributes:
        source: The SavedModel.
        folder: What the rewriting published.
        result: What the rewriting says of it.
        examples: The whole eval split.
    """

    source: pathlib.Path
    folder: pathlib.Path
    result: Rewritten
    examples: list[bytes]

    @functools.cached_property
    def expected(self) -> Arrays:
        """What the SavedModel predicts."""
        return _call(self.source, "serving_default", self.examples)

    @functools.cached_property
    def taken(self) -> Arrays:
        """What the published head makes of the examples."""
        return _call(self.folder / "head", "serving_default", self.examples)

    @functools.cached_property
    def found(self) -> Arrays:
        """What the published model predicts of that."""
        model = TFLiteModel(
            self.result.path, needs_select_tf_ops=self.result.report.model.op_set == OpSet.SELECT_TF
        )
        size = model.batch_size or len(self.examples)
        batches = [
            model({name: array[start : start + size] for name, array in self.taken.items()})
            for start in range(0, len(self.examples), size)
        ]
        return {name: np.concatenate([batch[name] for batch in batches]) for name in model.outputs}


def _call(saved_model: pathlib.Path, signature: str, examples: list[bytes]) -> Arrays:
    loaded = tf.saved_model.load(str(saved_model))
    outputs = loaded.signatures[signature](tf.constant(examples))
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _source(run: PipelineRun) -> pathlib.Path:
    return run.artifact("Trainer", "model") / "Format-Serving"


def _examples(run: PipelineRun, split: str) -> list[bytes]:
    (folder,) = run.root.glob("pipeline/*ExampleGen/examples/*")
    return read_split(folder, split)


def _rewrite(
    run: PipelineRun,
    folder: pathlib.Path,
    config: dict[str, Any],
    calibration: Sequence[bytes] = (),
) -> _Stock:
    examples = _examples(run, "eval")
    result = rewritten(_source(run), folder, config, calibration, examples)
    return _Stock(_source(run), folder, result, examples)


@pytest.fixture(scope="module")
def stock_penguin(penguin: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    return _rewrite(penguin, tmp_path_factory.mktemp("penguin"), {})


@pytest.fixture(scope="module")
def stock_digits(digits: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    return _rewrite(digits, tmp_path_factory.mktemp("digits"), {})


@pytest.fixture(scope="module")
def stock_imdb(imdb: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    return _rewrite(imdb, tmp_path_factory.mktemp("imdb"), {"batch_size": 1})


@pytest.fixture(scope="module")
def stock_taxi(taxi: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    return _rewrite(taxi, tmp_path_factory.mktemp("taxi"), {})


@pytest.fixture(scope="module")
def narrow_taxi(taxi: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    config = {"interface": {"integers": "INT32"}}
    return _rewrite(taxi, tmp_path_factory.mktemp("narrow_taxi"), config)


@pytest.fixture(scope="module")
def flex_taxi(taxi: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    return _rewrite(taxi, tmp_path_factory.mktemp("flex_taxi"), _FLEX_AT_RAW)


@pytest.fixture(scope="module")
def stock_taxi_without_oov(
    taxi_without_oov: PipelineRun, tmp_path_factory: pytest.TempPathFactory
) -> _Stock:
    return _rewrite(taxi_without_oov, tmp_path_factory.mktemp("taxi_without_oov"), {})


@pytest.fixture
def stock(
    request: pytest.FixtureRequest,
    stock_penguin: _Stock,
    stock_digits: _Stock,
    stock_imdb: _Stock,
    stock_taxi: _Stock,
    flex_taxi: _Stock,
) -> _Stock:
    return {
        "penguin": stock_penguin,
        "digits": stock_digits,
        "imdb": stock_imdb,
        "taxi": stock_taxi,
        "taxi with Flex": flex_taxi,
    }[request.param]


@pytest.mark.parametrize(
    ("stock", "boundary", "op_set"),
    [
        ("penguin", _RAW, OpSet.BUILTIN),
        ("digits", _RAW, OpSet.BUILTIN),
        ("imdb", _PER_FEATURE, OpSet.BUILTIN),
        ("taxi", _PER_FEATURE, OpSet.BUILTIN),
        ("taxi with Flex", _RAW, OpSet.SELECT_TF),
    ],
    indirect=["stock"],
)
def test_boundary_and_op_set(stock: _Stock, boundary: str, op_set: str) -> None:
    report = stock.result.report
    assert (report.boundary, report.model.op_set) == (boundary, op_set)


@pytest.mark.parametrize(
    ("stock", "count"),
    [
        ("penguin", 100),
        ("digits", 300),
        ("imdb", 10),
        ("taxi", 4000),
        pytest.param("taxi with Flex", 4000, marks=_RUNS_FLEX),
    ],
    indirect=["stock"],
)
def test_outputs_match_the_saved_model_on_the_whole_eval_split(stock: _Stock, count: int) -> None:
    _check_outputs(stock, count)


def _check_outputs(stock: _Stock, count: int) -> None:
    assert len(stock.examples) >= count
    assert sorted(stock.found) == sorted(stock.expected)
    for name, expected in stock.expected.items():
        # of a model that gives nearly the same for every example, agreement says nothing
        assert np.ptp(expected, axis=0).min() > 100 * TOLERANCE
        np.testing.assert_allclose(stock.found[name], expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    "stock",
    [
        "penguin",
        "digits",
        "imdb",
        "taxi",
        pytest.param("taxi with Flex", marks=_RUNS_FLEX),
    ],
    indirect=True,
)
def test_verification_measures_the_published_files_on_the_whole_split(stock: _Stock) -> None:
    verification = stock.result.report.verification
    assert (verification.inputs, verification.num_examples) == ("examples", len(stock.examples))
    for name, output in verification.outputs.items():
        assert output.magnitude == pytest.approx(np.abs(stock.expected[name]).max())
        assert output.max_abs_error <= TOLERANCE * max(1, output.magnitude)


@pytest.mark.parametrize("stock", ["penguin", "digits"], indirect=True)
def test_every_example_is_classified_as_by_the_saved_model(stock: _Stock) -> None:
    ((name, expected),) = stock.expected.items()
    assert len(np.unique(expected.argmax(axis=1))) > 2
    assert (stock.found[name].argmax(axis=1) == expected.argmax(axis=1)).all()


@pytest.mark.parametrize(
    ("stock", "op"),
    [("taxi", "StringToHashBucketFast"), ("imdb", "StringSplitV2")],
    indirect=["stock"],
)
def test_report_names_the_op_that_prevented_raw_features(stock: _Stock, op: str) -> None:
    reason = stock.result.report.boundary_reason
    (ops,) = re.findall(rf"{_RAW} was skipped: it needs (.*), which the allowed ops", reason)
    assert f"'{op}'" in ops


def test_taxi_takes_only_hashed_features_transformed(stock_taxi: _Stock) -> None:
    report = stock_taxi.result.report
    hashed = {f"{name}_xf" for name in _HASHED}
    assert set(report.inputs) == (_TAXI_FEATURES - _HASHED) | hashed
    assert set(report.computed_inputs) == hashed
    for name in _HASHED:
        computed = report.computed_inputs[f"{name}_xf"]
        assert computed.features == (name,)
        assert "StringToHashBucketFast" in computed.ops


def test_narrow_taxi_has_int32_inputs_and_the_same_boundary(
    narrow_taxi: _Stock, stock_taxi: _Stock
) -> None:
    found, wide = narrow_taxi.result.report, stock_taxi.result.report
    assert found.boundary == wide.boundary
    integers = {name for name, tensor in wide.inputs.items() if tensor.dtype == "int64"}
    assert {one.name for one in found.interface.narrowed} == integers
    assert len(integers) == 6
    assert {found.inputs[name].dtype for name in integers} == {"int32"}
    assert wide.interface.compiled_model_obstacles != ()
    assert found.interface.compiled_model_obstacles == ()


def test_narrow_taxi_is_smaller_and_predicts_the_same_bit_for_bit(
    narrow_taxi: _Stock, stock_taxi: _Stock
) -> None:
    assert narrow_taxi.result.report.model.size_bytes < stock_taxi.result.report.model.size_bytes
    for name, expected in stock_taxi.found.items():
        np.testing.assert_array_equal(narrow_taxi.found[name], expected)


def test_taxi_takes_raw_features_with_select_tf_ops(flex_taxi: _Stock) -> None:
    assert set(flex_taxi.taken) == _TAXI_FEATURES


# its pipeline is run for this test alone
@OF_NO_VERSION
def test_taxi_without_hashed_words_takes_raw_features(stock_taxi_without_oov: _Stock) -> None:
    report = stock_taxi_without_oov.result.report
    assert (report.boundary, report.model.op_set) == (_RAW, OpSet.BUILTIN)
    assert set(stock_taxi_without_oov.taken) == _TAXI_FEATURES
    _check_outputs(stock_taxi_without_oov, 4000)


@pytest.mark.skipif(RUNS_SELECT_TF_OPS, reason="the interpreter has the Select TF ops")
def test_taxi_with_flex_is_published_unverified_where_it_cannot_be_run(flex_taxi: _Stock) -> None:
    report = flex_taxi.result.report
    assert (report.verification, report.latency) == (None, None)
    (warning,) = report.warnings
    assert "was not verified" in warning
    assert "Select TF ops" in warning


def test_imdb_takes_the_word_ids_of_a_review(stock_imdb: _Stock) -> None:
    ((name, tensor),) = stock_imdb.result.report.inputs.items()
    assert (name, tensor.dtype, tensor.shape) == ("text_xf_input", "int64", (1, 400))
    (numbers,) = stock_imdb.taken.values()
    assert len(np.unique(numbers)) > 500


def test_published_head_of_taxi_transforms_as_the_trainer_s_own_signature(
    stock_taxi: _Stock,
) -> None:
    transformed = _call(stock_taxi.source, "transform_features", stock_taxi.examples)
    for name in (f"{name}_xf" for name in _HASHED):
        array = stock_taxi.taken[name]
        assert array.dtype == transformed[name].dtype
        np.testing.assert_array_equal(array, transformed[name])


@pytest.mark.parametrize("stock", ["imdb", "taxi"], indirect=True)
def test_vocabularies_travel_along(stock: _Stock) -> None:
    assets = {path.name: path.read_bytes() for path in (stock.source / "assets").iterdir()}
    published = stock.folder / "Format-Serving" / "assets"
    assert {path.name: path.read_bytes() for path in published.iterdir()} == assets
    assert any("vocab" in name for name in assets)


def test_taxi_pinned_to_raw_features_is_refused_by_op_and_remedy(
    taxi: PipelineRun, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(UnsupportedOpsError) as raised:
        rewritten(_source(taxi), tmp_path, {"input_boundary": _RAW})
    assert raised.value.ops == ("StringToHashBucketFast",)
    words = [
        "'transform_features_layer/compute_and_apply_vocabulary/apply_vocab/None_Lookup'",
        "ops { allow_select_tf_ops: true }",
        "input_boundary: TRANSFORMED_FEATURES",
    ]
    assert [word for word in words if word not in str(raised.value)] == []


def _calibration(run: PipelineRun) -> list[bytes]:
    return _examples(run, "train")[:_SAMPLE]


@pytest.fixture(scope="module")
def integer_taxi(taxi: PipelineRun, tmp_path_factory: pytest.TempPathFactory) -> _Stock:
    # the floor refuses it after most trainings; what is measured is what these tests are about
    config = {"quantization": {"mode": "FULL_INTEGER"}, "verification": {"on_failure": "WARN"}}
    return _rewrite(taxi, tmp_path_factory.mktemp("integer_taxi"), config, _calibration(taxi))


def test_taxi_becomes_integer_throughout(integer_taxi: _Stock) -> None:
    assert integer_taxi.result.report.boundary == _TRANSFORMED
    assert integer_taxi.result.float_ops == []
    # How close it comes is left to the next test. The stock model's last layer takes words, which
    # are 0 or 1, together with numbers that no activation bounds, at one scale: it differs from one
    # training to the next, with correlations of 0.63 to 0.98 in a few.
    (found,) = integer_taxi.found.values()
    assert len(np.unique(found)) > 10


def test_verification_measures_the_quantization_error_of_taxi(integer_taxi: _Stock) -> None:
    ((name, output),) = integer_taxi.result.report.verification.outputs.items()
    errors = np.abs(integer_taxi.found[name] - integer_taxi.expected[name])
    assert output.max_abs_error == pytest.approx(errors.max(), abs=TOLERANCE)
    assert output.mean_abs_error == pytest.approx(errors.mean(), abs=TOLERANCE)
    assert output.max_abs_error > 100 * TOLERANCE


def test_taxi_is_calibrated_on_transformed_features(
    integer_taxi: _Stock, taxi: PipelineRun
) -> None:
    transformed = _call(_source(taxi), "transform_features", _calibration(taxi))
    ranges = integer_taxi.result.report.calibration.ranges
    assert set(ranges) == {"fare_xf", "trip_miles_xf", "trip_seconds_xf"}
    for name, found in ranges.items():
        assert found.min == pytest.approx(transformed[name].min())
        assert found.max == pytest.approx(transformed[name].max())


_LABEL = 'label_key: "tips_xf" preprocessing_function_names: "transform_features"'
_EVALUATION = f"""
model_specs {{ name: "candidate" model_type: "tf_lite" {_LABEL} }}
model_specs {{ name: "baseline" is_baseline: true {_LABEL} }}
metrics_specs {{
  metrics {{ class_name: "BinaryAccuracy" config: '{{"name": "accuracy"}}' }}
  metrics {{ class_name: "BinaryCrossentropy" config: '{{"name": "loss"}}' }}
  metrics {{ class_name: "ExampleCount" }}
}}
"""


@pytest.fixture(scope="module")
def evaluated_taxi(
    narrow_taxi: _Stock, taxi: PipelineRun, tmp_path_factory: pytest.TempPathFactory
) -> Evaluation:
    folder = tmp_path_factory.mktemp("evaluated_taxi")
    trained = taxi.artifact("Trainer", "model")
    examples = narrow_taxi.examples[:_SAMPLE]
    return run_evaluator(folder, _EVALUATION, examples, narrow_taxi.folder, trained)


def test_evaluator_metrics_of_narrow_taxi_match_its_saved_model(
    evaluated_taxi: Evaluation,
) -> None:
    found, baseline = (evaluated_taxi.metrics(name)[()] for name in ("candidate", "baseline"))
    assert found["example_count"] == _SAMPLE
    assert baseline["accuracy"] > 0.7
    for name in ("accuracy", "loss"):
        assert found[name] == pytest.approx(baseline[name], abs=1e-5)
