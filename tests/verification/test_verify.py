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
        magnitude=4.0,
        errors=(0.5, 1.0),
        max_abs_error=1.0,
        worst_example=1,
        mean_abs_error=(0 + 0.5 + 0 + 1) / 4,
        sqnr_db=pytest.approx(10 * math.log10((1 + 4 + 9 + 16) / (0.25 + 1))),
        cosine_similarity=pytest.approx(27 / math.sqrt(30 * 25.25)),
        # the largest of [3, 3] is in the first place, that of [3, 4] in the second
        argmax_agreement=0.5,
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
    signal = (expected**2).sum()
    assert output.sqnr_db == pytest.approx(10 * math.log10(signal / (noise**2).sum()))
    lengths = np.linalg.norm(expected) * np.linalg.norm(actual)
    assert output.cosine_similarity == pytest.approx((expected * actual).sum() / lengths)
    same = expected.argmax(axis=1) == actual.argmax(axis=1)
    assert 0 < output.argmax_agreement < 1
    assert output.argmax_agreement == pytest.approx(same.mean())


def test_equal_outputs_have_no_error(make_pair: MakePair) -> None:
    output = make_pair().compare([[1, 2], [0, 0]], [[1, 2], [0, 0]]).outputs["y"]
    assert (output.max_abs_error, output.mean_abs_error) == (0, 0)
    assert (output.sqnr_db, output.argmax_agreement) == (math.inf, 1)
    assert output.cosine_similarity == pytest.approx(1)


def test_zero_against_zero_points_the_same_way(make_pair: MakePair) -> None:
    output = make_pair().compare([[0, 0]], [[0, 0]]).outputs["y"]
    assert (output.cosine_similarity, output.sqnr_db) == (1, math.inf)


def test_noise_without_signal_is_infinitely_loud(make_pair: MakePair) -> None:
    output = make_pair().compare([[0, 0]], [[0, 1]]).outputs["y"]
    assert (output.cosine_similarity, output.sqnr_db) == (0, -math.inf)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.nan, math.nan),
        (math.inf, math.nan),
        (math.inf, -math.inf),
        (math.inf, 3e38),
    ],
)
def test_nan_and_unequal_infinities_never_match(
    expected: float, actual: float, make_pair: MakePair
) -> None:
    found = make_pair().compare([[1, 2], [expected, 0]], [[1, 2], [actual, 0]])
    output = found.outputs["y"]
    assert output.errors == (0, math.inf)
    assert (output.worst_example, output.sqnr_db) == (1, -math.inf)
    assert output.magnitude == max(2, expected if math.isfinite(expected) else 0)
    for is_float in (True, False):
        (failure,) = failures(found, _limits("max_abs_error: inf"), is_float)
        assert failure.startswith("output 'y' (float32): NaN, or infinite in only one")
        assert "at example 1" in failure


def test_nan_has_no_largest_value_to_agree_on(make_pair: MakePair) -> None:
    nan = math.nan
    output = make_pair().compare([[nan, 1], [2, 1]], [[nan, 1], [nan, 1]]).outputs["y"]
    assert output.argmax_agreement == 0


def test_equal_infinities_match_and_leave_the_rest_to_be_measured(make_pair: MakePair) -> None:
    inf = math.inf
    output = make_pair().compare([[-inf, 2], [inf, 4]], [[-inf, 2], [inf, 3]]).outputs["y"]
    assert output.errors == (0, 1)
    assert output.magnitude == 4
    assert output.sqnr_db == pytest.approx(10 * math.log10((4 + 16) / 1))
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
    with pytest.raises(VerificationError, match="cannot be run on what the SavedModel runs on"):
        pair.compare([[1, 2]], [[0, 5]])


def _limits(text: str) -> config_pb2.Verification:
    return text_format.Parse(text, config_pb2.Verification())


def _output(**values: Any) -> OutputComparison:
    errors = values.pop("errors", (0.0, 0.25, 0.125))
    return OutputComparison(
        **{
            "dtype": "float32",
            "magnitude": 1.0,
            "errors": errors,
            "max_abs_error": max(errors),
            "worst_example": errors.index(max(errors)),
            "mean_abs_error": 0.1,
            "sqnr_db": 20.0,
            "cosine_similarity": 0.9,
            "argmax_agreement": 0.5,
            **values,
        }
    )


def _failures(limits: str, is_float: bool = False, **outputs: OutputComparison) -> list[str]:
    return failures(
        Verification("examples", 3, outputs or {"y": _output()}), _limits(limits), is_float
    )


@pytest.mark.parametrize(
    ("error", "magnitude", "passes"),
    [
        (0.9e-4, 1.0, True),
        (1.1e-4, 1.0, False),
        (1.1e-4, 0.01, False),
        (0.9e-4, 0.01, True),
        (0.9e-2, 100.0, True),
        (1.1e-2, 100.0, False),
    ],
)
def test_float_models_are_held_to_a_tolerance_by_default(
    error: float, magnitude: float, passes: bool
) -> None:
    output = _output(errors=(error,), magnitude=magnitude)
    assert (_failures("", is_float=True, y=output) == []) == passes


def test_quantized_models_are_only_measured_by_default() -> None:
    assert _failures("", y=_output(errors=(1e9,), sqnr_db=-50.0, argmax_agreement=0.0)) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            "max_abs_error: 0.2",
            ["output 'y' (float32)", "0.25 at example 1", "allowed is 0.2", "passes is 0.25"],
        ),
        (
            "min_argmax_agreement: 0.75",
            ["output 'y'", "in 50% of the examples", "limit is 75%", "passes is 0.5"],
        ),
        ("min_sqnr_db: 20.5", ["output 'y'", "SQNR is 20.0 dB", "is 20.5 dB", "passes is 20"]),
    ],
)
def test_failure_names_the_exceeded_limit(limits: str, words: list[str]) -> None:
    (failure,) = _failures(limits)
    assert [word for word in words if word not in failure] == []


@pytest.mark.parametrize(
    "limits", ["max_abs_error: 0.25", "min_argmax_agreement: 0.5", "min_sqnr_db: 20"]
)
def test_error_equal_to_the_limit_passes(limits: str) -> None:
    assert _failures(limits) == []


def test_every_limit_that_is_exceeded_is_named() -> None:
    limits = "max_abs_error: 0 min_argmax_agreement: 1 min_sqnr_db: 90"
    outputs = {"a": _output(), "b": _output()}
    found = _failures(limits, **outputs)
    assert [failure.split("'")[1] for failure in found] == ["a", "a", "a", "b", "b", "b"]


_RANDOM = np.random.default_rng(0)
_FIGURES = [
    *(_RANDOM.uniform(0.1, 1, 200) * 10.0 ** _RANDOM.integers(-12, 12, 200)).tolist(),
    # just beside what four digits can say
    *(float(np.nextafter(value, side)) for value in (0.1234, 1e-4, 99995.0) for side in (0, 1e9)),
    5e-324,
]


@pytest.mark.parametrize("is_quantized", [True, False])
def test_largest_error_that_is_said_to_pass_does(is_quantized: bool) -> None:
    for value in _FIGURES:
        output = _output(errors=(value,))
        (failure,) = _failures("max_abs_error: 0", is_float=not is_quantized, y=output)
        passing = failure.rpartition(" ")[2]
        assert _failures(f"max_abs_error: {passing}", y=output) == [], failure
        assert float(passing) <= value * 1.01 + 1e-320


def test_smallest_agreement_that_is_said_to_pass_does() -> None:
    for count in range(1, 300):
        output = _output(argmax_agreement=(count - 1) / count)
        (failure,) = _failures("min_argmax_agreement: 1", y=output)
        passing = failure.rpartition(" ")[2]
        assert _failures(f"min_argmax_agreement: {passing}", y=output) == [], failure
        assert float(passing) >= (count - 1) / count - 1e-3


@pytest.mark.parametrize("sign", [1, -1])
def test_smallest_ratio_that_is_said_to_pass_does(sign: int) -> None:
    for value in (sign * value for value in _FIGURES if value < 1e6):
        output = _output(sqnr_db=value)
        (failure,) = _failures("min_sqnr_db: 1e300", y=output)
        passing = failure.rpartition(" ")[2]
        assert _failures(f"min_sqnr_db: {passing}", y=output) == [], failure


@pytest.mark.parametrize(
    ("limits", "failing"),
    [
        ("max_abs_error: 0.1 outputs { key: 'a' value { max_abs_error: 0.3 } }", ["b"]),
        ("max_abs_error: 0.3 outputs { key: 'a' value { max_abs_error: 0.1 } }", ["a"]),
        ("outputs { key: 'a' value { max_abs_error: 0 } }", ["a"]),
        ("max_abs_error: 0.1 outputs { key: 'a' value { min_sqnr_db: 1 } }", ["a", "b"]),
        ("min_argmax_agreement: 0.9 outputs { key: 'b' value { min_argmax_agreement: 0 } }", ["a"]),
        ("min_sqnr_db: 30 outputs { key: 'b' value { min_sqnr_db: 10 } }", ["a"]),
    ],
)
def test_limits_of_an_output_override_the_general_ones(limits: str, failing: list[str]) -> None:
    found = _failures(limits, a=_output(), b=_output())
    assert [failure.split("'")[1] for failure in found] == failing


def test_limit_of_an_output_replaces_the_default_of_float_models() -> None:
    limits = "outputs { key: 'a' value { max_abs_error: 1 } }"
    (failure,) = _failures(limits, is_float=True, a=_output(), b=_output())
    assert failure.startswith("output 'b'")


_NO_CLASSES = _output(argmax_agreement=None)
_NO_NUMBER = _output(dtype="string", argmax_agreement=None, sqnr_db=None, cosine_similarity=None)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        pytest.param(
            "outputs { key: 'z' value { max_abs_error: 1 } }",
            ["no output 'z'", "'classes', 'number', 'word'"],
            id="unknown output",
        ),
        pytest.param(
            "outputs { key: 'number' value { min_argmax_agreement: 1 } }",
            ["verification.outputs['number'].min_argmax_agreement", "[batch, two or more classes]"],
            id="argmax without classes",
        ),
        pytest.param(
            "outputs { key: 'word' value { min_sqnr_db: 1 } }",
            ["verification.outputs['word'].min_sqnr_db", "numeric"],
            id="noise without numbers",
        ),
    ],
)
def test_limits_that_apply_to_no_output_are_refused(limits: str, words: list[str]) -> None:
    outputs = {"classes": _output(), "number": _NO_CLASSES, "word": _NO_NUMBER}
    with pytest.raises(ConfigError) as raised:
        _failures(limits, **outputs)
    assert [word for word in words if word not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("limits", "output"),
    [("min_argmax_agreement: 1", _NO_CLASSES), ("min_sqnr_db: 1", _NO_NUMBER)],
    ids=["argmax without classes", "noise without numbers"],
)
def test_refuses_a_general_limit_that_no_output_is_held_to(
    limits: str, output: OutputComparison
) -> None:
    with pytest.raises(ConfigError, match=limits.partition(":")[0]):
        _failures(limits, y=output)


def test_general_limit_is_for_the_outputs_that_have_the_figure() -> None:
    limits = "min_argmax_agreement: 0.5 min_sqnr_db: 20"
    assert _failures(limits, classes=_output(), number=_NO_CLASSES, word=_NO_NUMBER) == []


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
    assert message.endswith(" Nothing was published.")
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
    assert "the limit is 200.0 dB" in warning
    assert result.path.exists()


def test_without_examples_random_inputs_are_compared_and_reported(
    classifier: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    report = rewritten(classifier, tmp_path, {}).report
    assert (report.verification.inputs, report.verification.num_examples) == ("random inputs", 16)
    assert report.verification.outputs["probabilities"].magnitude > 0


@pytest.mark.parametrize(("batch_size", "count"), [(0, 16), (5, 5)])
def test_random_tensors_fill_one_batch(batch_size: int, count: int, tmp_path: pathlib.Path) -> None:
    spec = tf.TensorSpec([None, 2], tf.float32, name="x")
    source = models.save(tmp_path / "model", lambda x: {"y": x * 2}, spec)
    report = rewritten(source, tmp_path / "out", {"batch_size": batch_size}).report
    assert (report.verification.inputs, report.verification.num_examples) == (
        "random inputs",
        count,
    )
    assert len(report.verification.outputs["y"].errors) == count
