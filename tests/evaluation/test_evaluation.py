"""The stock Evaluator, and TFMA alone, with TFLite models and SavedModels."""

import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from evaluations import (
    GROUPS,
    Data,
    Evaluation,
    eval_config,
    make_data,
    publish,
    run_analysis,
    run_by_hand,
    run_evaluator,
    save_classifier,
)
from models import Tensors, example, save_parsing
from tensorflow_model_analysis.view import render_slicing_metrics
from versions import OF_NO_VERSION, RUNS_SELECT_TF_OPS

from tfx_tflite_component.errors import ConfigError, SourceModelError, UnsupportedOpsError
from tfx_tflite_component.evaluation import custom_extractors
from tfx_tflite_component.graph.saved_model import load_signature

pytestmark = pytest.mark.slow

_TRAINING = make_data(100, seed=0)
_DATA = make_data(300, seed=1, outliers=True)

_OVERALL = ()
_SLICES = [_OVERALL, *((("group", group),) for group in GROUPS)]
_METRICS = """
  metrics { class_name: "SparseCategoricalAccuracy" config: '{"name": "accuracy"}' }
  metrics { class_name: "SparseCategoricalCrossentropy" config: '{"name": "loss"}' }
  metrics { class_name: "ExampleCount" }
"""
_ONE_TFLITE = f"""
model_specs {{ model_type: "tf_lite" label_key: "label" }}
metrics_specs {{ {_METRICS} }}
"""
_TWO_MODELS = f"""
model_specs {{ name: "candidate" model_type: "tf_lite" label_key: "label" }}
model_specs {{ name: "baseline" label_key: "label" is_baseline: true }}
slicing_specs {{}}
slicing_specs {{ feature_keys: "group" }}
metrics_specs {{ {_METRICS} }}
"""
_VALUE_THRESHOLD = """
metrics_specs { metrics {
  class_name: "SparseCategoricalAccuracy"
  config: '{"name": "held_accuracy"}'
  threshold { value_threshold { lower_bound { value: 0.8 } } }
} }
"""
_CHANGE_THRESHOLD = """
metrics_specs { metrics {
  class_name: "SparseCategoricalAccuracy"
  config: '{"name": "held_accuracy"}'
  threshold { change_threshold { direction: HIGHER_IS_BETTER absolute { value: -0.02 } } }
} }
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_classifier(tmp_path_factory.mktemp("trained") / "model")


@pytest.fixture(scope="module")
def float_model(trained: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return publish(tmp_path_factory.mktemp("float") / "model", trained)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The model made worse on purpose: its weights were damaged after training."""
    return save_classifier(tmp_path_factory.mktemp("damaged") / "model", damage=5.0)


@pytest.fixture(scope="module")
def worse_model(damaged: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return publish(tmp_path_factory.mktemp("worse") / "model", damaged)


@pytest.fixture(scope="module")
def integer_model(trained: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A full-integer model that takes and gives integers."""
    config = "quantization { mode: FULL_INTEGER input_type: INT8 output_type: INT8 }"
    folder = tmp_path_factory.mktemp("integer") / "model"
    return publish(folder, trained, config, _TRAINING.examples)


def _by_hand(probabilities: np.ndarray, data: Data = _DATA) -> dict[str, float]:
    """The metrics of given predictions."""
    metrics = {
        "accuracy": tf.keras.metrics.SparseCategoricalAccuracy(),
        "loss": tf.keras.metrics.SparseCategoricalCrossentropy(),
    }
    for metric in metrics.values():
        metric.update_state(data.labels, probabilities)
    return {name: float(metric.result()) for name, metric in metrics.items()}


def _of_saved_model(artifact: pathlib.Path) -> np.ndarray:
    signature = load_signature(artifact / "Format-Serving", "serving_default")
    return signature(tf.constant(_DATA.examples))["probabilities"].numpy()


@pytest.fixture(scope="module")
def compared(
    trained: pathlib.Path, float_model: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Evaluation:
    """A float model that the Evaluator compared with the SavedModel that it came from."""
    config = _TWO_MODELS + _VALUE_THRESHOLD + _CHANGE_THRESHOLD.replace("held", "kept")
    folder = tmp_path_factory.mktemp("compared")
    return run_evaluator(folder, config, _DATA.examples, float_model, trained)


@pytest.mark.parametrize("key", _SLICES)
def test_float_model_has_the_metrics_of_the_saved_model_on_every_slice(
    key: tuple[tuple[str, str], ...], compared: Evaluation
) -> None:
    candidate, baseline = (compared.metrics(name)[key] for name in ("candidate", "baseline"))
    for name in ("accuracy", "loss", "example_count"):
        assert candidate[name] == pytest.approx(baseline[name], abs=1e-5)


def test_metrics_are_those_of_the_saved_models_outputs(
    compared: Evaluation, trained: pathlib.Path
) -> None:
    found = compared.metrics("candidate")[_OVERALL]
    expected = _by_hand(_of_saved_model(trained))
    assert 0.85 < expected["accuracy"] < 0.95
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-5)


def test_every_slice_has_its_examples(compared: Evaluation) -> None:
    found = {
        key: metrics["example_count"] for key, metrics in compared.metrics("candidate").items()
    }
    assert found == dict(zip(_SLICES, (300, 150, 150), strict=True))


@pytest.mark.parametrize("key", _SLICES)
def test_differences_from_the_saved_model_are_reported(
    key: tuple[tuple[str, str], ...], compared: Evaluation
) -> None:
    found = compared.metrics("candidate")[key]
    assert found["accuracy_diff"] == 0
    assert found["loss_diff"] == pytest.approx(0, abs=1e-5)


def test_model_as_good_as_the_saved_model_is_blessed(compared: Evaluation) -> None:
    assert compared.validation.validation_ok
    assert compared.is_blessed


def test_tfma_shows_the_result(compared: Evaluation) -> None:
    result = tfma.load_eval_result(compared.path, model_name="candidate")
    rows = render_slicing_metrics(result, slicing_column="group").data
    accuracies = compared.metrics("candidate")
    assert {row["slice"] for row in rows} == {f"group:{group}" for group in GROUPS}
    for row in rows:
        key = (tuple(row["slice"].split(":")),)
        assert row["metrics"][""][""]["accuracy"]["doubleValue"] == accuracies[key]["accuracy"]


@pytest.mark.process
def test_worse_model_fails_each_threshold_on_every_slice_and_is_not_blessed(
    trained: pathlib.Path, worse_model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = _TWO_MODELS + _VALUE_THRESHOLD + _CHANGE_THRESHOLD.replace("held", "kept")
    evaluation = run_evaluator(tmp_path, config, _DATA.examples, worse_model, trained)
    assert not evaluation.is_blessed
    failed = [
        sorted(failure.metric_key.name for failure in found.failures)
        for found in evaluation.validation.metric_validations_per_slice
    ]
    assert failed == [["held_accuracy", "kept_accuracy"]] * len(_SLICES)
    metrics = evaluation.metrics("candidate")[_OVERALL]
    expected = _by_hand(_of_saved_model(trained))["accuracy"]
    assert metrics["accuracy"] < 0.8
    assert metrics["accuracy_diff"] == pytest.approx(metrics["accuracy"] - expected, abs=1e-6)


@OF_NO_VERSION
@pytest.mark.process
def test_change_threshold_is_ignored_without_a_baseline(
    float_model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = _TWO_MODELS + _VALUE_THRESHOLD + _CHANGE_THRESHOLD.replace("held", "kept")
    evaluation = run_evaluator(tmp_path, config, _DATA.examples, float_model)
    assert evaluation.is_blessed
    assert "accuracy_diff" not in evaluation.metrics()[_OVERALL]


_MODES = {
    "fixed batch size": "batch_size: 7",
    "dynamic range": "quantization { mode: DYNAMIC_RANGE }",
    "float16": "quantization { mode: FLOAT16 }",
    "full integer": "quantization { mode: FULL_INTEGER }",
}


@pytest.fixture(scope="module")
def models_of_modes(
    trained: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pathlib.Path]:
    folder = tmp_path_factory.mktemp("modes")
    return {
        name: publish(folder / name, trained, config, _TRAINING.examples)
        for name, config in _MODES.items()
    }


@pytest.fixture(scope="module")
def evaluated_modes(
    models_of_modes: dict[str, pathlib.Path], tmp_path_factory: pytest.TempPathFactory
) -> Evaluation:
    """All of these models in one run of TFMA, which takes seconds whatever it evaluates."""
    specs, metrics = _ONE_TFLITE.split("metrics_specs", 1)
    named = [specs.replace("{", f'{{ name: "{name}"') for name in models_of_modes]
    config = "".join(named) + "metrics_specs" + metrics
    folder = tmp_path_factory.mktemp("evaluated_modes")
    return run_analysis(folder, config, _DATA.examples, models_of_modes)


@pytest.mark.parametrize("name", _MODES)
def test_model_of_each_mode_gets_the_metrics_of_its_own_outputs(
    name: str, evaluated_modes: Evaluation, models_of_modes: dict[str, pathlib.Path]
) -> None:
    _check_own_metrics(evaluated_modes, name, models_of_modes[name])


@OF_NO_VERSION
def test_two_tflite_models_are_compared(
    integer_model: pathlib.Path, float_model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = _TWO_MODELS.replace('baseline"', 'baseline" model_type: "tf_lite"')
    models = {"candidate": integer_model, "baseline": float_model}
    evaluation = run_analysis(tmp_path, config, _DATA.examples, models)
    for name, artifact in models.items():
        _check_own_metrics(evaluation, name, artifact)
    losses = {name: evaluation.metrics(name)[_OVERALL]["loss"] for name in models}
    difference = evaluation.metrics("candidate")[_OVERALL]["loss_diff"]
    assert difference == pytest.approx(losses["candidate"] - losses["baseline"], abs=1e-6)
    assert abs(difference) > 1e-4


def _check_own_metrics(evaluation: Evaluation, name: str, artifact: pathlib.Path) -> None:
    found = evaluation.metrics(name)[_OVERALL]
    expected = _by_hand(run_by_hand(artifact, _DATA.values))
    assert {metric: found[metric] for metric in expected} == pytest.approx(expected, abs=1e-6)


_PREPROCESSING = 'preprocessing_function_names: "transform_features"'
_TRANSFORMED_LABEL = f'label_key: "label_xf" {_PREPROCESSING}'


@OF_NO_VERSION
def test_label_comes_from_a_signature_of_the_saved_model_beside_the_tflite_model(
    trained: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    published = publish(tmp_path / "model", trained, "output { include_saved_model: true }")
    config = _ONE_TFLITE.replace('label_key: "label"', _TRANSFORMED_LABEL)
    evaluation = run_analysis(tmp_path, config, _DATA.examples, {"": published})
    _check_own_metrics(evaluation, "", published)


@OF_NO_VERSION
def test_label_comes_from_a_signature_of_the_baseline(
    float_model: pathlib.Path, trained: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = _TWO_MODELS.replace('label_key: "label"', _TRANSFORMED_LABEL)
    models = {"candidate": float_model, "baseline": trained}
    evaluation = run_analysis(tmp_path, config, _DATA.examples, models)
    _check_own_metrics(evaluation, "candidate", float_model)


def test_label_of_a_signature_that_no_model_has_is_refused(float_model: pathlib.Path) -> None:
    config = eval_config(_ONE_TFLITE.replace('label_key: "label"', _TRANSFORMED_LABEL))
    path = f"{float_model}/Format-Serving"
    model = tfma.default_eval_shared_model(path, eval_config=config)
    with pytest.raises(ConfigError, match=r"'transform_features'.*include_saved_model"):
        custom_extractors(model, config)


_WORDS = ("alpha", "beta", "gamma")
_MIXED_FEATURES = {
    "word": tf.io.FixedLenFeature([1], tf.string, default_value="beta"),
    "sizes": tf.io.VarLenFeature(tf.float32),
    "count": tf.io.FixedLenFeature([1], tf.int64, default_value=3),
}


def _compute_mixed(parsed: Tensors) -> Tensors:
    is_word = tf.cast(parsed["word"] == tf.constant(_WORDS), tf.float32)
    sizes = tf.sparse.to_dense(parsed["sizes"], -1.0)
    return {
        "which": tf.nn.softmax(3 * is_word),
        "amount": tf.reduce_sum(sizes, axis=1, keepdims=True)
        + tf.cast(parsed["count"], tf.float32),
    }


def _mixed_example(index: int) -> bytes:
    """An example that lacks a feature or two as often as not."""
    features = {"which": [index % 3], "amount": [index / 7]}
    if index % 2:
        features["word"] = [_WORDS[index // 2 % 3]]
    if index % 3:
        features["count"] = [index]
    return example(sizes=[float(size) for size in range(index % 5)], **features)


_TWO_OUTPUTS = """
model_specs { name: "candidate" model_type: "tf_lite" LABELS }
model_specs { name: "baseline" is_baseline: true LABELS }
metrics_specs {
  output_names: "which"
  metrics { class_name: "SparseCategoricalCrossentropy" config: '{"name": "loss"}' }
}
metrics_specs {
  output_names: "amount"
  metrics { class_name: "MeanSquaredError" config: '{"name": "error"}' }
}
""".replace(
    "LABELS",
    """
    label_keys { key: "which" value: "which" }
    label_keys { key: "amount" value: "amount" }
    """,
)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """A model of several inputs, not all there, and two outputs, compared with its SavedModel."""
    folder = tmp_path_factory.mktemp("mixed")
    trained = folder / "trained"
    save_parsing(trained / "Format-Serving", _MIXED_FEATURES, _compute_mixed)
    models = {"candidate": publish(folder / "model", trained), "baseline": trained}
    examples = [_mixed_example(index) for index in range(100)]
    return run_analysis(folder, _TWO_OUTPUTS, examples, models)


@pytest.mark.parametrize(("output", "metric"), [("which", "loss"), ("amount", "error")])
def test_outputs_are_bound_by_name_and_match_the_saved_model(
    output: str, metric: str, mixed: Evaluation
) -> None:
    candidate, baseline = (
        mixed.metrics(name, output)[_OVERALL][metric] for name in ("candidate", "baseline")
    )
    assert candidate == pytest.approx(baseline, rel=1e-5)
    assert baseline > 0.1


_SAVED_MODELS = _TWO_MODELS.replace('model_type: "tf_lite"', "").replace(
    'label_key: "label"', _TRANSFORMED_LABEL
)


@pytest.mark.parametrize(
    ("config", "names"),
    [
        pytest.param(_ONE_TFLITE.replace('model_type: "tf_lite"', ""), [""], id="one"),
        pytest.param(_SAVED_MODELS, ["candidate", "baseline"], id="two"),
    ],
)
def test_only_saved_models_are_evaluated_as_by_stock_tfma(
    config: str,
    names: list[str],
    trained: pathlib.Path,
    damaged: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    models = dict(zip(names, (damaged, trained), strict=False))
    ours, stock = (
        run_analysis(tmp_path / str(is_stock), config, _DATA.examples, models, is_stock)
        for is_stock in (False, True)
    )
    for name in names:
        found, expected = ours.metrics(name), stock.metrics(name)
        assert found.keys() == expected.keys()
        # sums of floats depend on the order of the batches
        assert all(found[key] == pytest.approx(expected[key], rel=1e-6) for key in expected)
        assert found[_OVERALL]["example_count"] == 300


def test_missing_head_stops_the_evaluation_by_name(
    float_model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(float_model / "Format-Serving", tmp_path / "pushed" / "Format-Serving")
    with pytest.raises(SourceModelError, match=f"{tmp_path}/pushed/head"):
        run_analysis(tmp_path, _ONE_TFLITE, _DATA.examples, {"": tmp_path / "pushed"})


_AMOUNT = {"amount": tf.io.FixedLenFeature([1], tf.float32)}
_SQUARED_ERROR = """
model_specs { model_type: "tf_lite" label_key: "label" }
metrics_specs { metrics { class_name: "MeanSquaredError" config: '{"name": "error"}' } }
"""


def test_select_tf_ops_are_evaluated_where_the_interpreter_has_them(tmp_path: pathlib.Path) -> None:
    def compute(parsed: Tensors) -> Tensors:
        # the same as what is in the feature, by an op that TFLite lacks
        return {"bucket": tf.strings.to_number(tf.strings.as_string(parsed["amount"]))}

    save_parsing(tmp_path / "trained" / "Format-Serving", _AMOUNT, compute)
    config = "ops { allow_select_tf_ops: true }"
    models = {"": publish(tmp_path / "model", tmp_path / "trained", config)}
    examples = [example(amount=[float(index)], label=[index + 1.0]) for index in range(10)]
    if RUNS_SELECT_TF_OPS:
        metrics = run_analysis(tmp_path, _SQUARED_ERROR, examples, models).metrics("")
        assert metrics[_OVERALL]["error"] == pytest.approx(1.0)
        return
    # before any example is read, and not as a failure of Beam
    with pytest.raises(UnsupportedOpsError, match=r"cannot be run here.*needs Select TF ops"):
        run_analysis(tmp_path, _SQUARED_ERROR, examples, models)
