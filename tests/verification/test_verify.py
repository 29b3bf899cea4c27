"""That two models are compared right: against figures worked out by hand."""

import dataclasses
import math
import pathlib
import re
from collections.abc import Callable
from typing import Any

import models
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from quantizable import example, images, rewritten, save_classifier, save_model

from tfx_tflite_component.config import read_config
from tfx_tflite_component.conversion.convert import convert
from tfx_tflite_component.errors import ConfigError, ExamplesError, VerificationError
from tfx_tflite_component.graph.saved_model import load_signature
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.split.split import Split, split
from tfx_tflite_component.tflite.interpreter import TFLiteModel
from tfx_tflite_component.verification.calls import answered_calls
from tfx_tflite_component.verification.limits import failures
from tfx_tflite_component.verification.measures import OutputComparison, Verification
from tfx_tflite_component.verification.verify import verify

Change = Callable[[tf.Tensor], tf.Tensor]

_FLOAT, _INTEGER, _STRING = tf.float32, tf.int64, tf.string
_DTYPES = {_FLOAT: float, _INTEGER: int, _STRING: str}


@dataclasses.dataclass(frozen=True)
class Pair:
    """A SavedModel that gives one half of what an example holds, and a TFLite model for the other.

    So an example says what each of them gives.
    """

    signature: Any
    parts: Split
    model: TFLiteModel
    dtype: type

    def compare(self, expected: Any, actual: Any) -> Verification:
        """Verifies on one example for each row."""
        rows = np.concatenate([np.array(part, self.dtype) for part in (expected, actual)], axis=1)
        return verify(self.signature, self.parts, self.model, [example(x=row) for row in rows])


MakePair = Callable[..., Pair]


@pytest.fixture(scope="module")
def make_pair(tmp_path_factory: pytest.TempPathFactory) -> MakePair:
    made: dict[Any, Pair] = {}

    def make(
        dtype: tf.DType = _FLOAT,
        width: int = 2,
        batch_size: int = 0,
        change: Change = tf.identity,
        other_change: Change | None = None,
    ) -> Pair:
        key = (dtype, width, batch_size, change, other_change)
        if key not in made:
            folder = tmp_path_factory.mktemp("pair")
            parsed = {"x": tf.io.FixedLenFeature([2 * width], dtype)}
            save_model(folder / "a", parsed, lambda f: {"y": change(f["x"][:, :width])})
            other = other_change or change
            save_model(folder / "b", parsed, lambda f: {"y": other(f["x"][:, width:])})
            ours, theirs = (load_signature(folder / name, "serving_default") for name in "ab")
            parts = split(ours, batch_size=batch_size)
            tail = split(theirs, batch_size=batch_size).tail
            path = folder / "tflite"
            path.write_bytes(convert(tail, read_config({"batch_size": batch_size})))
            made[key] = Pair(ours, parts, TFLiteModel(path), _DTYPES[dtype])
        return made[key]

    return make


def test_figures_are_those_worked_out_by_hand(make_pair: MakePair) -> None:
    found = make_pair().compare([[1, 2], [3, 4]], [[1, 2.5], [3, 3]])
    assert (found.inputs, found.num_examples) == ("examples", 2)
    assert found.outputs["y"] == OutputComparison(
        dtype="float32",
        is_per_example=True,
        magnitude=4.0,
        errors=(0.5, 1.0),
        max_abs_error=1.0,
        worst_example=1,
        mean_abs_error=(0 + 0.5 + 0 + 1) / 4,
        nan_count=0,
        # the columns are 2 +- 1 and 3 +- 1
        relative_error=1.0,
        sqnr_db=pytest.approx(10 * math.log10(4 / (0.25 + 1))),
        worst_column=1,
        worst_column_sqnr_db=pytest.approx(10 * math.log10(2 / (0.25 + 1))),
        # both examples are as far from the mean, and the second differs more
        worst_tenth_sqnr_db=pytest.approx(10 * math.log10(2 / 1)),
        constant_columns=(),
        num_columns=2,
        cosine_similarity=pytest.approx(27 / math.sqrt(30 * 25.25)),
        # the largest of [3, 3] is in the first place, that of [3, 4] in the second
        argmax_agreement=0.5,
        equal_share=None,
        top_k_overlap=None,
        num_compared=4,
    )


def test_figures_add_up_over_batches(make_pair: MakePair) -> None:
    random = np.random.default_rng(0)
    expected = random.normal(size=[100, 3]).astype(np.float32)
    actual = expected + random.normal(scale=0.3, size=[100, 3]).astype(np.float32)
    found = make_pair(width=3).compare(expected, actual)
    output = found.outputs["y"]
    expected, actual = expected.astype(np.float64), actual.astype(np.float64)
    noise = np.abs(expected - actual)
    assert found.num_examples == 100
    assert output.errors == pytest.approx(noise.max(axis=1).tolist())
    assert output.worst_example == noise.max(axis=1).argmax()
    assert output.mean_abs_error == pytest.approx(noise.mean())
    signal = ((expected - expected.mean(axis=0)) ** 2).sum()
    assert output.sqnr_db == pytest.approx(10 * math.log10(signal / (noise**2).sum()))
    lengths = np.linalg.norm(expected) * np.linalg.norm(actual)
    assert output.cosine_similarity == pytest.approx((expected * actual).sum() / lengths)
    same = expected.argmax(axis=1) == actual.argmax(axis=1)
    assert 0 < output.argmax_agreement < 1
    assert output.argmax_agreement == pytest.approx(same.mean())


def test_equal_outputs_have_no_error(make_pair: MakePair) -> None:
    output = make_pair().compare([[1, 2], [0, 0]], [[1, 2], [0, 0]]).outputs["y"]
    assert (output.max_abs_error, output.mean_abs_error) == (0, 0)
    assert (output.sqnr_db, output.relative_error, output.argmax_agreement) == (math.inf, 0, 1)
    assert output.cosine_similarity == pytest.approx(1)


def test_zero_against_zero_points_the_same_way(make_pair: MakePair) -> None:
    output = make_pair().compare([[0, 0]], [[0, 0]]).outputs["y"]
    assert (output.cosine_similarity, output.relative_error) == (1, 0)


def test_output_that_does_not_vary_has_no_ratio(make_pair: MakePair) -> None:
    output = make_pair().compare([[2, 0], [2, 0]], [[2, 0], [2, 1]]).outputs["y"]
    assert (output.sqnr_db, output.worst_tenth_sqnr_db) == (None, None)
    # of 1% of the magnitude
    assert output.relative_error == pytest.approx(50)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.inf, math.nan),
        (math.inf, -math.inf),
        (math.inf, 3e38),
    ],
)
def test_nan_on_one_side_and_unequal_infinities_never_match(
    expected: float, actual: float, make_pair: MakePair
) -> None:
    found = make_pair().compare([[1, 2], [expected, 0]], [[1, 2], [actual, 0]])
    output = found.outputs["y"]
    assert output.errors == (0, math.inf)
    assert (output.worst_example, output.relative_error) == (1, math.inf)
    assert output.magnitude == max(2, expected if math.isfinite(expected) else 0)
    for is_float in (True, False):
        (failure,) = failures(found, _limits("max_abs_error: inf"), is_float)
        assert failure.startswith("output 'y' (float32): NaN or infinite on one side only")
        assert "at example 1" in failure


def test_nan_on_both_sides_is_equal_and_counted(make_pair: MakePair) -> None:
    nan = math.nan
    found = make_pair().compare([[nan, 1], [2, nan]], [[nan, 1], [2, nan]])
    output = found.outputs["y"]
    assert (output.errors, output.nan_count) == ((0, 0), 2)
    assert failures(found, _limits(""), is_float=True) == []


def test_nan_has_no_largest_value_to_agree_on(make_pair: MakePair) -> None:
    nan = math.nan
    output = make_pair().compare([[nan, 1], [2, 1]], [[nan, 1], [nan, 1]]).outputs["y"]
    assert output.argmax_agreement == 0


def test_equal_infinities_match_and_leave_the_rest_to_be_measured(make_pair: MakePair) -> None:
    inf = math.inf
    output = make_pair().compare([[-inf, 2], [inf, 4]], [[-inf, 2], [inf, 3]]).outputs["y"]
    assert output.errors == (0, 1)
    assert output.magnitude == 4
    # 2 and 4 are 1 from their mean
    assert output.sqnr_db == pytest.approx(10 * math.log10(2 / 1))
    assert output.cosine_similarity == pytest.approx((4 + 12) / math.sqrt(20 * 13))
    assert output.argmax_agreement == 1


def test_large_integers_are_compared_exactly(make_pair: MakePair) -> None:
    large = 2**53
    output = make_pair(_INTEGER).compare([[large, 1]], [[large + 1, 1]]).outputs["y"]
    assert (output.dtype, output.errors) == ("int64", (1,))


def test_difference_of_integers_does_not_wrap(make_pair: MakePair) -> None:
    output = make_pair(_INTEGER).compare([[2**62, 0]], [[-(2**62), 0]]).outputs["y"]
    assert output.max_abs_error == 2.0**63


@pytest.mark.parametrize(
    ("dtype", "change", "expected", "actual", "name"),
    [
        (_INTEGER, lambda x: tf.greater(x, 0), [[1, 0], [1, 1]], [[1, 0], [1, 0]], "bool"),
        (_STRING, tf.identity, [["a", "é"], ["b", ""]], [["a", "é"], ["b", "c"]], "string"),
    ],
    ids=["bool", "string"],
)
def test_strings_and_booleans_match_or_do_not_match(
    dtype: tf.DType,
    change: Change,
    expected: list[list[Any]],
    actual: list[list[Any]],
    name: str,
    make_pair: MakePair,
) -> None:
    found = make_pair(dtype, change=change).compare(expected, actual)
    output = found.outputs["y"]
    assert (output.dtype, output.errors, output.mean_abs_error) == (name, (0, 1), 0.25)
    assert (output.sqnr_db, output.cosine_similarity, output.argmax_agreement) == (None,) * 3
    assert output.equal_share == 0.75
    (failure,) = failures(found, _limits(""), is_float=True)
    assert f"output 'y' ({name}): differs by 1 at example 1" in failure


@pytest.mark.parametrize(
    ("width", "change", "agreement"),
    [
        pytest.param(2, tf.identity, 1.0, id="[batch, classes]"),
        pytest.param(1, tf.identity, None, id="[batch, 1]"),
        pytest.param(2, lambda x: x[:, 0], None, id="[batch]"),
        pytest.param(2, lambda x: x[:, tf.newaxis, :], None, id="[batch, 1, classes]"),
    ],
)
def test_only_classes_have_an_argmax(
    width: int,
    change: Change,
    agreement: float | None,
    make_pair: MakePair,
) -> None:
    rows = np.ones([3, width])
    output = make_pair(width=width, change=change).compare(rows, rows).outputs["y"]
    assert output.argmax_agreement == agreement
    assert output.errors == (0, 0, 0)


def test_fixed_batch_is_filled_up_but_only_real_examples_count(make_pair: MakePair) -> None:
    expected = np.zeros([6, 2])
    actual = np.zeros([6, 2])
    actual[5] = 1.0
    found = make_pair(batch_size=4).compare(expected, actual)
    assert found.num_examples == 6
    assert found.outputs["y"].errors == (0, 0, 0, 0, 0, 1)
    # the last example fills up the second batch, which must not make it count three times
    assert found.outputs["y"].mean_abs_error == pytest.approx(1 / 6)


def test_empty_comparison_is_refused(make_pair: MakePair) -> None:
    pair = make_pair()
    with pytest.raises(ExamplesError, match="no example to compare"):
        verify(pair.signature, pair.parts, pair.model, [])


def test_refuses_examples_that_the_model_does_not_take(make_pair: MakePair) -> None:
    pair = make_pair()
    with pytest.raises(ExamplesError, match=r"the head fail at example 0: feature 'x'"):
        verify(pair.signature, pair.parts, pair.model, [example(x=[1.0])])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(lambda x: x[:, :1], "float32 [2, 1]", id="shape"),
        pytest.param(lambda x: tf.cast(x, tf.int64), "int64 [2, 2]", id="dtype"),
    ],
)
def test_refuses_an_output_of_another_kind(change: Change, found: str, make_pair: MakePair) -> None:
    expected = f"Output 'y' of the TFLite model is {found}, the SavedModel's is float32 [2, 2]"
    with pytest.raises(VerificationError, match=re.escape(expected)):
        make_pair(other_change=change).compare([[1, 2], [3, 4]], [[1, 2], [3, 4]])


def test_refuses_a_model_that_cannot_be_run(make_pair: MakePair) -> None:
    pair = make_pair(_INTEGER, other_change=lambda x: tf.gather(tf.constant([1, 2], tf.int64), x))
    with pytest.raises(VerificationError, match="cannot be run on inputs that the SavedModel"):
        pair.compare([[1, 2]], [[0, 5]])


def _limits(text: str) -> config_pb2.Verification:
    return text_format.Parse(text, config_pb2.Verification())


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return save_classifier(tmp_path_factory.mktemp("classifier") / "model")


def _integer(**verification: Any) -> dict[str, Any]:
    return {"quantization": {"mode": "FULL_INTEGER"}, "verification": verification}


def test_rewriting_fails_at_a_limit_and_passes_at_the_one_that_it_names(
    classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    samples = images(50), images(50, seed=1)
    with pytest.raises(VerificationError) as raised:
        rewritten(classifier, tmp_path / "1", _integer(max_abs_error=1e-6), *samples)
    message = str(raised.value)
    assert "on 50 examples: output 'probabilities' (float32): differs by " in message
    assert "Nothing was published." in message
    assert "Try quantization.mode: INT16_ACTIVATIONS or DYNAMIC_RANGE." in message
    passing = re.search("the smallest max_abs_error that passes is ([^;.]*[.]?[^;.]*)[.]", message)
    config = _integer(max_abs_error=float(passing[1]))
    report = rewritten(classifier, tmp_path / "2", config, *samples).report
    assert report.warnings == ()
    output = report.verification.outputs["probabilities"]
    assert f"at example {output.worst_example}, " in message


def test_on_failure_warn_warns_about_an_exceeded_limit(
    classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = _integer(min_sqnr_db=200, on_failure="WARN")
    result = rewritten(classifier, tmp_path, config, images(50), images(50, seed=1))
    (warning,) = result.report.warnings
    assert "outputs do not match the SavedModel's" in warning
    assert "the limit is at least 200.0 dB" in warning
    assert result.path.exists()


def test_without_examples_random_inputs_are_compared_and_reported(
    classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    report = rewritten(classifier, tmp_path, {}).report
    assert (report.verification.inputs, report.verification.num_examples) == ("random inputs", 48)
    assert report.verification.outputs["probabilities"].magnitude > 0


@pytest.mark.parametrize(("batch_size", "count"), [(0, 16), (5, 5)])
def test_random_tensors_fill_one_batch(batch_size: int, count: int, tmp_path: pathlib.Path) -> None:
    spec = tf.TensorSpec([None, 2], tf.float32, name="x")
    source = models.save(tmp_path / "model", lambda x: {"y": x * 2}, spec)
    report = rewritten(source, tmp_path / "out", {"batch_size": batch_size}).report
    assert (report.verification.inputs, report.verification.num_examples) == (
        "random inputs",
        # of three magnitudes, of which the figures are of the usual one
        3 * count,
    )
    assert len(report.verification.outputs["y"].errors) == count


def _compared(source: pathlib.Path, folder: pathlib.Path, **config: Any) -> Verification:
    """What a rewriting finds on random inputs."""
    verification = rewritten(source, folder, config).report.verification
    assert verification is not None
    return verification


def test_rows_beyond_the_batch_are_compared(tmp_path: pathlib.Path) -> None:
    spec = tf.TensorSpec([None, 10, 2], tf.float32, name="x")
    source = models.save(tmp_path / "model", lambda x: {"y": tf.reshape(x, [-1, 2])}, spec)
    output = _compared(source, tmp_path / "out").outputs["y"]
    # a call of the usual magnitude, which has 160 rows
    assert (output.is_per_example, len(output.errors)) == (False, 1)


def test_empty_outputs_are_published(tmp_path: pathlib.Path) -> None:
    def keep(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"kept": tf.boolean_mask(features["x"], features["x"][:, 0] > 1)}

    source = save_model(tmp_path / "model", {"x": tf.io.FixedLenFeature([2], tf.float32)}, keep)
    examples = [example(x=[0.5, float(i)]) for i in range(5)]
    report = rewritten(source, tmp_path / "out", {}, verification=examples).report
    assert report.verification.outputs["kept"].max_abs_error == 0


def test_input_without_the_batch_dimension_is_the_same_for_all_examples(
    tmp_path: pathlib.Path,
) -> None:
    anchors = tf.TensorSpec([3, 2], tf.float32, name="anchors")
    deltas = tf.TensorSpec([None, 3, 2], tf.float32, name="deltas")
    source = models.save(
        tmp_path / "model", lambda anchors, deltas: {"boxes": anchors + deltas}, anchors, deltas
    )
    examples = [example(anchors=np.arange(6.0), deltas=np.full(6, float(i))) for i in range(5)]
    report = rewritten(source, tmp_path / "out", {}, verification=examples).report
    assert report.inputs["anchors"].shape == (3, 2)
    assert report.verification.outputs["boxes"].magnitude == 9
    other = example(anchors=np.zeros(6), deltas=np.zeros(6))
    with pytest.raises(ExamplesError, match="feature anchors differs between examples"):
        rewritten(source, tmp_path / "other", {}, verification=[*examples, other])


def test_open_sizes_are_several_that_the_model_accepts(tmp_path: pathlib.Path) -> None:
    kernel = tf.constant(np.ones([5, 5, 3, 2], np.float32))
    spec = tf.TensorSpec([None, None, None, 3], tf.float32, name="image")
    source = models.save(
        tmp_path / "model",
        lambda image: {"y": tf.reduce_mean(tf.nn.conv2d(image, kernel, 1, "VALID"), [1, 2])},
        spec,
    )
    sizes = {call["image"][1:3] for call in _compared(source, tmp_path / "out").sizes}
    assert len(sizes) == 3
    assert all(height != width and min(height, width) >= 5 for height, width in sizes)


def test_input_shapes_fix_the_sizes_of_the_model(tmp_path: pathlib.Path) -> None:
    spec = tf.TensorSpec([None, None, None, 3], tf.float32, name="image")
    source = models.save(
        tmp_path / "model", lambda image: {"y": tf.reduce_mean(image, [1, 2])}, spec
    )
    config = {"input_shapes": {"image": {"dims": [1, 4, 6, 3]}}}
    examples = [example(image=np.random.default_rng(i).normal(size=72)) for i in range(3)]
    report = rewritten(source, tmp_path / "out", config, verification=examples).report
    assert report.inputs["image"].shape == (1, 4, 6, 3)
    assert (report.verification.inputs, report.verification.num_calls) == ("examples", 3)


@pytest.mark.parametrize(
    ("name", "dims", "words"),
    [("picture", [1, 4], "no input 'picture'"), ("x", [1, 5], "has the shape (None, 4)")],
)
def test_input_shapes_that_contradict_the_signature_are_refused(
    name: str, dims: list[int], words: str, tmp_path: pathlib.Path
) -> None:
    spec = tf.TensorSpec([None, 4], tf.float32, name="x")
    source = models.save(tmp_path / "model", lambda x: {"y": x * 2}, spec)
    with pytest.raises(ConfigError, match=re.escape(words)):
        rewritten(source, tmp_path / "out", {"input_shapes": {name: {"dims": dims}}})


def test_state_that_is_lost_is_seen(tmp_path: pathlib.Path) -> None:
    counter = tf.Variable(0.0)
    module = tf.Module()
    module.counter = counter

    def count(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": x + counter.assign_add(1.0)}

    spec = tf.TensorSpec([None, 2], tf.float32, name="x")
    source = models.save(tmp_path / "model", count, spec, module=module)
    signature = load_signature(source, "serving_default")
    parts = split(signature)
    calls = [answered.call for answered in answered_calls(signature, parts, None)]
    assert len({call.taken["x"].shape for call in calls}) == 1
    assert len({call.taken["x"].tobytes() for call in calls}) == len(calls) >= 3


def test_kernels_that_differ_are_warned_of(tmp_path: pathlib.Path) -> None:
    spec = tf.TensorSpec([None, 2], tf.float32, name="x")
    divisor = tf.constant([[1.0, 0.0]])
    source = models.save(tmp_path / "model", lambda x: {"share": x / divisor}, spec)
    # which of the two gives infinity, as the SavedModel does, differs between interpreters
    config = {"verification": {"on_failure": "WARN"}}
    report = rewritten(source, tmp_path / "out", config).report
    assert list(report.verification.kernel_differences) == ["share"]
    (warning,) = [warning for warning in report.warnings if "XNNPACK" in warning]
    assert "'share'" in warning


def test_model_that_accepts_no_random_inputs_is_no_model_that_differs(
    tmp_path: pathlib.Path,
) -> None:
    def decode(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.strings.length(tf.io.decode_base64(tf.strings.join([x, "*"])))}

    source = models.save(tmp_path / "model", decode, tf.TensorSpec([None], tf.string, name="x"))
    signature = load_signature(source, "serving_default")
    with pytest.raises(ExamplesError, match="cannot process the random inputs"):
        next(answered_calls(signature, split(signature), None))


def test_share_of_examples_out_of_the_calibrated_range_is_reported(
    classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    far = [example(image=np.full([4, 4, 8], 9.0)), *images(3, seed=1)]
    config = _integer(on_failure="WARN")
    report = rewritten(classifier, tmp_path, config, images(50), far).report
    assert report.verification.out_of_range == {"image": 0.25}


def test_quantized_mode_that_changed_nothing_is_held_to_the_limit_of_float_models(
    tmp_path: pathlib.Path,
) -> None:
    spec = tf.TensorSpec([None, 3], tf.float32, name="x")
    source = models.save(tmp_path / "model", lambda x: {"y": x * 2}, spec)
    config = {"quantization": {"mode": "DYNAMIC_RANGE"}}
    report = rewritten(source, tmp_path / "out", config).report
    assert [check.figure for check in report.verification.checks] == ["relative_error"]
