"""Which boundary a model is converted at."""

import pathlib

import pytest
import tensorflow as tf
from models import Tensors, example, save
from transformed import FEATURES, save_trained

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import ConversionError, SplitError, UnsupportedOpsError
from tfx_tflite_component.report.schema import Report
from tfx_tflite_component.rewriting.rewrite import Samples, rewrite

_EXAMPLES = [example(text=["A b"], x=[1.0, -2.0]), example(text=[""], x=[0.5, 4.0])]
_HASHED = "it needs 'StringToHashBucketFast', which the allowed ops do not cover"


def _hash(features: Tensors) -> Tensors:
    return {"text_xf": tf.strings.to_hash_bucket_fast(features["text"], 50)}


def _scale(features: Tensors) -> Tensors:
    return {"text_xf": tf.reduce_sum(features["x"], axis=1)}


def _infer(transformed: Tensors, parsed: Tensors) -> Tensors:
    return {"y": tf.cast(transformed["text_xf"], tf.float32) * 2.0}


def _infer_with_hash(transformed: Tensors, parsed: Tensors) -> Tensors:
    words = tf.strings.as_string(transformed["text_xf"])
    return {"y": tf.strings.to_hash_bucket_strong(words, 9, [1, 2])}


def _rewrite(source: pathlib.Path, config: str = "") -> Report:
    destination = source.parent / "out"
    destination.mkdir()
    samples = Samples(calibration=_EXAMPLES, verification=_EXAMPLES)
    return rewrite(source, destination, read_config(config), samples)


def test_raw_features_come_first(tmp_path: pathlib.Path) -> None:
    report = _rewrite(save_trained(tmp_path / "model", _scale, _infer))
    assert report.boundary == "RAW_FEATURES"
    assert report.boundary_reason.startswith("the signature parses tf.Examples in ")


def test_feature_with_an_unsupported_op_is_split_off_where_raw_ones_do_not_convert(
    tmp_path: pathlib.Path,
) -> None:
    report = _rewrite(save_trained(tmp_path / "model", _hash, _infer))
    assert report.boundary == "PER_FEATURE"
    assert report.boundary_reason.endswith(f"; RAW_FEATURES was skipped: {_HASHED}")
    assert set(report.inputs) == {"text_xf"}
    (computed,) = report.computed_inputs.values()
    assert (computed.features, computed.ops) == (("text",), ("StringToHashBucketFast",))
    assert report.model.op_set == "BUILTIN"
    assert report.verification.outputs["y"].max_abs_error == 0


def test_raw_features_do_where_select_tf_ops_are_allowed(tmp_path: pathlib.Path) -> None:
    source = save_trained(tmp_path / "model", _hash, _infer)
    report = _rewrite(source, "ops { allow_select_tf_ops: true }")
    assert (report.boundary, report.model.op_set) == ("RAW_FEATURES", "SELECT_TF")


def test_transformed_features_come_where_raw_ones_cannot_be_calibrated(
    tmp_path: pathlib.Path,
) -> None:
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["A b", ""], tf.constant([3, 4], tf.int64)), -1
    )
    module = tf.Module()
    module.table = table
    weights = tf.constant([[0.5, -1.0], [2.0, 0.25]])
    source = save_trained(
        tmp_path / "model",
        lambda features: {"ids": table.lookup(features["words"]), "x_xf": features["x"] * 2.0},
        lambda transformed, parsed: {"y": transformed["x_xf"] @ weights, "ids": transformed["ids"]},
        {"words": tf.io.FixedLenFeature([2], tf.string, ["", ""]), "x": FEATURES["x"]},
        module=module,
    )
    report = _rewrite(source, "quantization { mode: FULL_INTEGER }")
    assert report.boundary == "TRANSFORMED_FEATURES"
    assert "RAW_FEATURES was skipped: Input 'words' takes 2 strings" in report.boundary_reason


def test_error_explains_the_failure_at_every_boundary(tmp_path: pathlib.Path) -> None:
    source = save_trained(tmp_path / "model", _hash, _infer_with_hash)
    with pytest.raises(UnsupportedOpsError) as raised:
        _rewrite(source)
    message = str(raised.value)
    assert "StringToHashBucketStrong, available as a Select TF op" in message
    assert "StringToHashBucketFast, available" not in message
    *_, raw, per_feature = message.splitlines()
    assert raw.startswith("Splitting at RAW_FEATURES also failed: ")
    assert "'StringToHashBucketFast'" in raw
    assert per_feature.startswith("Splitting at PER_FEATURE also failed: Output 'y' is ")


def test_error_without_a_transform_explains_how_to_keep_ops_in_the_head(
    tmp_path: pathlib.Path,
) -> None:
    source = save(
        tmp_path / "model",
        lambda text: {"y": tf.strings.to_hash_bucket_fast(text, 50)},
        tf.TensorSpec([None], tf.string, "text"),
    )
    with pytest.raises(UnsupportedOpsError) as raised:
        _rewrite(source)
    message = str(raised.value)
    assert "StringToHashBucketFast, available as a Select TF op" in message
    assert "input_boundary: TENSORS" in message
    assert "TRANSFORMED_FEATURES" not in message


def test_random_ops_cause_a_warning(tmp_path: pathlib.Path) -> None:
    def augment(x: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.name_scope("noise"):
            return {"y": x + 1e-9 * tf.random.uniform(tf.shape(x))}

    source = save(tmp_path / "model", augment, tf.TensorSpec([None, 2], tf.float32, "x"))
    (warning,) = _rewrite(source).warnings
    assert warning.startswith("The model draws random numbers in 'noise")


@pytest.mark.parametrize("boundary", ["RAW_FEATURES", "SIGNATURE"])
def test_pinned_boundary_is_the_only_one_that_is_tried(
    tmp_path: pathlib.Path, boundary: str
) -> None:
    source = save_trained(tmp_path / "model", _hash, _infer)
    with pytest.raises(ConversionError) as raised:
        _rewrite(source, f"input_boundary: {boundary}")
    assert "also failed" not in str(raised.value)


def test_error_at_a_pinned_boundary_names_only_that_boundary(tmp_path: pathlib.Path) -> None:
    source = save_trained(tmp_path / "model", _scale, _infer, scope="preprocessing")
    with pytest.raises(SplitError, match="TransformFeaturesLayer once"):
        _rewrite(source, "input_boundary: TRANSFORMED_FEATURES")
