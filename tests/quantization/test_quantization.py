"""That the quantization asked for is what comes out, or that it is said what came out instead."""

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from artifacts import read_split
from pipelines import PipelineRun
from quantizable import Compute, example, images, rewritten, save_classifier, save_model, weights

from tfx_tflite_component.errors import ConversionError
from tfx_tflite_component.tflite.inspection import Numbers

_CALIBRATED = ("FULL_INTEGER", "INT16_ACTIVATIONS")
_NUMBER = tf.io.FixedLenFeature([3], tf.float32)
_INTEGER = tf.io.FixedLenFeature([], tf.int64)
_WORD = tf.io.FixedLenFeature([], tf.string)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_classifier(tmp_path_factory.mktemp("classifier") / "model")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A model with ops that not every quantizer has an integer form of."""
    dense = weights(3, 3)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        with tf.name_scope("transform_features_layer"):
            number = tf.cast(features["count"], tf.float32)[:, tf.newaxis]
        with tf.name_scope("head"):
            chosen = tf.one_hot(features["count"], 3)
        return {"scores": (features["x"] + number + chosen) @ dense}

    folder = tmp_path_factory.mktemp("mixed") / "model"
    return save_model(folder, {"x": _NUMBER, "count": _INTEGER}, compute, dense)


def _mixed_examples() -> list[bytes]:
    random = np.random.default_rng(0)
    return [example(x=random.normal(size=3), count=index % 3) for index in range(30)]


def _calibration(mode: str, examples: list[bytes]) -> list[bytes]:
    return examples if mode in _CALIBRATED else []


@pytest.mark.parametrize(
    ("mode", "weights_dtype"), [("FULL_INTEGER", "int8"), ("INT16_ACTIVATIONS", "int8")]
)
def test_leaves_no_float_op_or_weight(
    mode: str, weights_dtype: str, classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    result = rewritten(
        classifier, tmp_path, {"quantization": {"mode": mode}}, images(50), images(50, seed=1)
    )
    assert result.float_ops == []
    assert {"CONV_2D", "FULLY_CONNECTED", "SOFTMAX"} <= {op.name for op in result.report.model.ops}
    assert weights_dtype in result.report.model.weights
    assert "float32" not in result.report.model.weights
    assert result.report.warnings == ()
    output = result.report.verification.outputs["probabilities"]
    assert 25 < output.sqnr_db < np.inf
    assert output.argmax_agreement >= 0.9


@pytest.mark.all_rows
@pytest.mark.parametrize(
    ("quantization", "dtypes", "output_scale", "output_zero_point"),
    [
        ({"mode": "FULL_INTEGER"}, ["float32", "float32"], (), ()),
        ({"mode": "FULL_INTEGER", "input_type": "INT8"}, ["int8", "float32"], (), ()),
        (
            {"mode": "FULL_INTEGER", "input_type": "INT8", "output_type": "INT8"},
            ["int8", "int8"],
            (1 / 256,),
            (-128,),
        ),
        (
            {"mode": "FULL_INTEGER", "input_type": "UINT8", "output_type": "UINT8"},
            ["uint8", "uint8"],
            (1 / 256,),
            (0,),
        ),
        ({"mode": "INT16_ACTIVATIONS"}, ["float32", "float32"], (), ()),
        (
            {"mode": "INT16_ACTIVATIONS", "input_type": "INT16", "output_type": "INT16"},
            ["int16", "int16"],
            (1 / 32768,),
            (0,),
        ),
    ],
    ids=str,
)
def test_inputs_and_outputs_have_the_types_asked_for(
    quantization: dict[str, Any],
    dtypes: list[str],
    output_scale: tuple[float, ...],
    output_zero_point: tuple[int, ...],
    classifier: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    config = {"quantization": quantization, "verification": {"max_abs_error": 0.05}}
    report = rewritten(classifier, tmp_path, config, images(50), images(50, seed=1)).report
    output = report.outputs["probabilities"]
    assert [report.inputs["image"].dtype, output.dtype] == dtypes
    # TFLite fixes these for a softmax, whatever the calibration
    assert (output.scales, output.zero_points) == (output_scale, output_zero_point)
    assert len(report.inputs["image"].scales) == (dtypes[0] != "float32")


@pytest.mark.parametrize("mode", ["DYNAMIC_RANGE", *_CALIBRATED])
@pytest.mark.parametrize(("per_channel", "scales"), [(True, 16), (False, 1)])
def test_per_channel_decides_on_the_number_of_scales(
    mode: str, per_channel: bool, scales: int, classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = {"quantization": {"mode": mode, "per_channel": per_channel}}
    path = rewritten(classifier, tmp_path, config, _calibration(mode, images(10))).path
    details = tf.lite.Interpreter(str(path)).get_tensor_details()
    (filters,) = [detail for detail in details if detail["shape"].tolist() == [16, 3, 3, 8]]
    assert filters["dtype"] == np.int8
    assert len(filters["quantization_parameters"]["scales"]) == scales


def test_old_quantizer_makes_an_integer_model(
    classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    quantization = {"mode": "FULL_INTEGER", "enable_experimental_new_quantizer": False}
    config = {"quantization": quantization, "verification": {"max_abs_error": 0.05}}
    result = rewritten(classifier, tmp_path, config, images(50), images(50, seed=1))
    assert result.float_ops == []


@pytest.mark.parametrize(
    ("quantization", "words"),
    [
        pytest.param(
            {"mode": "FULL_INTEGER"},
            ["FULL_INTEGER", "'CAST' of the preprocessing (TF Transform)"],
            id="float op in the file",
        ),
        pytest.param(
            {"mode": "INT16_ACTIVATIONS"},
            [
                "INT16_ACTIVATIONS",
                "CAST in 'transform_features_layer'",
                "ONE_HOT in 'head'",
                "'transform_features_layer' is TF Transform's preprocessing",
            ],
            id="refused by the quantizer",
        ),
        pytest.param(
            {"mode": "FULL_INTEGER", "enable_experimental_new_quantizer": False},
            ["CAST in 'transform_features_layer'", "ONE_HOT in 'head'"],
            id="refused by the old quantizer",
        ),
    ],
)
def test_ops_that_stay_float_are_refused_and_preprocessing_is_named(
    quantization: dict[str, Any], words: list[str], mixed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(ConversionError) as raised:
        rewritten(mixed, tmp_path, {"quantization": quantization}, _mixed_examples())
    remedy = "quantization.allow_float_fallback: true"
    assert [word for word in [*words, remedy] if word not in str(raised.value)] == []


def test_refusal_of_an_input_calls_it_by_its_name(tmp_path: pathlib.Path) -> None:
    source = save_model(
        tmp_path / "model",
        {"count": _INTEGER},
        lambda features: {"is_large": tf.greater(features["count"], 2)},
    )
    # 16 bits are for floats, and this quantizer tries them on integers as well
    config = {"quantization": {"mode": "INT16_ACTIVATIONS"}}
    with pytest.raises(ConversionError, match="tensor 'count'"):
        rewritten(source, tmp_path / "out", config, [example(count=1)])


@pytest.mark.parametrize("mode", _CALIBRATED)
def test_float_fallback_warns_of_the_ops_that_stayed_float(
    mode: str, mixed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = {"quantization": {"mode": mode, "allow_float_fallback": True}}
    examples = _mixed_examples()
    result = rewritten(mixed, tmp_path, config, examples, examples)
    warning = result.report.warnings[0]
    stayed, count = len(result.float_ops), len(result.report.model.ops)
    assert f"With {mode}, {stayed} of {count} ops stayed float" in warning
    assert "'CAST'" in warning
    assert "of the preprocessing (TF Transform)" in warning
    assert "FULLY_CONNECTED" not in result.float_ops


def _gather(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {"length": tf.gather(tf.constant([3, 1, 2], tf.int64), features["count"])}


def _dense(kernel: tf.Variable) -> Compute:
    return lambda features: {"scores": features["x"] @ kernel}


_SMALL = weights(3, 3)


@pytest.mark.parametrize(
    ("mode", "features", "compute", "warning"),
    [
        pytest.param(
            "DYNAMIC_RANGE",
            {"x": _NUMBER},
            _dense(_SMALL),
            "DYNAMIC_RANGE quantized nothing",
            id="weights too small",
        ),
        pytest.param(
            "FLOAT16", {"count": _INTEGER}, _gather, "FLOAT16 changed nothing", id="no weights"
        ),
        pytest.param(
            "FULL_INTEGER",
            {"count": _INTEGER},
            _gather,
            "FULL_INTEGER quantized nothing",
            id="no floats",
        ),
    ],
)
def test_quantization_without_effect_causes_a_warning(
    mode: str, features: dict[str, Any], compute: Compute, warning: str, tmp_path: pathlib.Path
) -> None:
    source = save_model(tmp_path / "model", features, compute, _SMALL)
    calibration = _calibration(mode, [example(count=1)])
    result = rewritten(source, tmp_path / "out", {"quantization": {"mode": mode}}, calibration)
    assert len(result.report.warnings) == 1
    assert result.report.warnings[0].startswith(warning)


@pytest.mark.parametrize(
    ("mode", "dtype"), [("DYNAMIC_RANGE", "int8"), ("FLOAT16", "float16"), ("NONE", "float32")]
)
def test_successful_quantization_causes_no_warning(
    mode: str, dtype: str, classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    result = rewritten(classifier, tmp_path, {"quantization": {"mode": mode}})
    assert result.report.warnings == ()
    assert dtype in result.report.model.weights


def test_constants_that_half_floats_clip_stay_float32(tmp_path: pathlib.Path) -> None:
    dense = weights(3, 200)
    means, factors = tf.tile([2e6], [3]), tf.tile([1e-6, 3e-8], [100])

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        hidden = tf.nn.relu((features["x"] * 1e6 + 2e6 - means) @ dense)
        return {"scores": hidden * factors}

    source = save_model(tmp_path / "model", {"x": _NUMBER}, compute, dense)
    config = {"quantization": {"mode": "FLOAT16"}}
    result = rewritten(source, tmp_path / "out", config, verification=_mixed_examples())
    assert result.report.verification.outputs["scores"].relative_error < 1e-2
    assert result.report.model.weights["float16"].tensors == 1


def test_words_and_integers_pass_through_an_integer_model_unchanged(
    tmp_path: pathlib.Path,
) -> None:
    embeddings, dense = weights(3, 3), weights(3, 2)
    words = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64))
    table = tf.lookup.StaticHashTable(words, default_value=0)

    def compute(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        index = table.lookup(features["word"])
        return {
            "scores": (features["x"] + tf.gather(embeddings, index)) @ dense,
            "index": index + features["count"],
            "is_known": tf.greater(index, 0),
            "word": tf.identity(features["word"]),
        }

    source = save_model(
        tmp_path / "model",
        {"x": _NUMBER, "count": _INTEGER, "word": _WORD},
        compute,
        embeddings,
        dense,
        table,
    )
    random = np.random.default_rng(0)
    examples = [
        example(x=random.normal(size=3), count=index, word="abc"[index % 3]) for index in range(30)
    ]
    config = {"quantization": {"mode": "FULL_INTEGER"}}
    result = rewritten(source, tmp_path / "out", config, examples, examples)
    assert result.float_ops == []
    outputs = result.report.verification.outputs
    assert [outputs[name].dtype for name in ("index", "is_known", "word")] == [
        "int64",
        "bool",
        "string",
    ]
    assert [outputs[name].max_abs_error for name in ("index", "is_known", "word")] == [0, 0, 0]
    assert 0 < outputs["scores"].max_abs_error < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("mode", _CALIBRATED)
def test_stock_penguin_becomes_integer_throughout(
    mode: str, penguin: PipelineRun, tmp_path: pathlib.Path
) -> None:
    source = penguin.artifact("Trainer", "model") / "Format-Serving"
    examples = penguin.artifact("CsvExampleGen", "examples")
    samples = read_split(examples, "train"), read_split(examples, "eval")
    result = rewritten(source, tmp_path, {"quantization": {"mode": mode}}, *samples)
    assert result.float_ops == []
    assert len(result.report.lowered["constant_select"]) == 4
    # z-scores subtract a mean, and nothing else in this model subtracts
    z_scores = [op for op in result.report.model.ops if op.name == "SUB"]
    assert z_scores
    assert all(op.is_preprocessing and op.computes_in == Numbers.INTEGER for op in z_scores)
    (output,) = result.report.verification.outputs.values()
    assert output.sqnr_db > 30
    assert output.argmax_agreement > 0.9
