"""Limits: what passes, what is warned of, and what is said of the rest."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from tfx_tflite_component.errors import ConfigError
from tfx_tflite_component.proto import tflite_rewriter_pb2 as config_pb2
from tfx_tflite_component.verification.limits import failures, judge
from tfx_tflite_component.verification.measures import (
    Check,
    OutputComparison,
    Verdict,
    Verification,
)


def _limits(text: str) -> config_pb2.Verification:
    return text_format.Parse(text, config_pb2.Verification())


def _output(**values: Any) -> OutputComparison:
    errors = values.pop("errors", (0.0, 0.25, 0.125))
    return OutputComparison(
        **{
            "dtype": "float32",
            "is_per_example": True,
            "magnitude": 1.0,
            "errors": errors,
            "max_abs_error": max(errors),
            "worst_example": errors.index(max(errors)),
            "mean_abs_error": 0.1,
            "nan_count": 0,
            "relative_error": 0.5,
            "sqnr_db": 20.0,
            "worst_column": 0,
            "worst_column_sqnr_db": 20.0,
            "worst_tenth_sqnr_db": 20.0,
            "constant_columns": (),
            "num_columns": 2,
            "cosine_similarity": 0.9,
            "argmax_agreement": 0.9,
            "equal_share": None,
            "top_k_overlap": None,
            "num_compared": 6,
            **values,
        }
    )


def _failures(limits: str, is_float: bool = False, **outputs: OutputComparison) -> list[str]:
    return failures(
        Verification("examples", 3, outputs or {"y": _output()}), _limits(limits), is_float
    )


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            "max_abs_error: 0.2",
            ["output 'y' (float32)", "0.25 at example 1", "at most 0.2", "passes is 0.25"],
        ),
        (
            "min_argmax_agreement: 0.95",
            ["output 'y'", "in 90% of the examples", "at least 95%", "passes is 0.9"],
        ),
        (
            "min_sqnr_db: 20.5",
            ["SQNR is 20.0 dB", "at least 20.5 dB", "passes is 20"],
        ),
    ],
)
def test_failure_says_what_exceeds_which_limit(limits: str, words: list[str]) -> None:
    (failure,) = _failures(limits)
    assert [word for word in words if word not in failure] == []


@pytest.mark.parametrize(
    "limits", ["max_abs_error: 0.25", "min_argmax_agreement: 0.9", "min_sqnr_db: 20"]
)
def test_what_is_just_at_the_limit_passes(limits: str) -> None:
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
        (
            "min_argmax_agreement: 1 outputs { key: 'b' value { min_argmax_agreement: 0 } }",
            ["a"],
        ),
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
_NO_NUMBER = _output(
    dtype="string",
    argmax_agreement=None,
    sqnr_db=None,
    relative_error=None,
    cosine_similarity=None,
    equal_share=1.0,
)


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
def test_refuses_limits_that_nothing_is_held_to(limits: str, words: list[str]) -> None:
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
    limits = "min_argmax_agreement: 0.9 min_sqnr_db: 20"
    assert _failures(limits, classes=_output(), number=_NO_CLASSES, word=_NO_NUMBER) == []


def test_figure_that_passes_is_reported_with_its_limit_and_margin() -> None:
    output = _output(errors=(0.25,), relative_error=4e-4)
    judged = judge(Verification("examples", 3, {"y": output}), _limits(""), is_float=True)
    assert judged.verification.verdict == Verdict.PASSED
    (check,) = judged.verification.checks
    assert check == Check("y", "relative_error", 1e-3, 4e-4, True, pytest.approx(6e-4), True)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"sqnr_db": 9.9},
            ["SQNR is 9.9 dB", "at least 10.0 dB", "passes is 9.9"],
        ),
        ({"argmax_agreement": 0.79}, ["agrees in 79%", "at least 80%"]),
        ({"constant_columns": (1,)}, ["1 of 2 columns", "constant", ": 1"]),
        ({"sqnr_db": None, "argmax_agreement": None, "relative_error": 11.0}, ["up to 11"]),
        (
            {"dtype": "int64", "equal_share": 0.5, "sqnr_db": 3.0, "argmax_agreement": None},
            ["SQNR"],
        ),
        ({"dtype": "int64", "equal_share": 0.5, "top_k_overlap": 0.7}, ["ids agree in 70%"]),
        (
            {"dtype": "string", "equal_share": 0.3, "cosine_similarity": None},
            ["values agree in 30%"],
        ),
    ],
    ids=lambda values: "" if isinstance(values, list) else ", ".join(values),
)
def test_quantized_models_have_a_floor_by_default(values: dict[str, Any], words: list[str]) -> None:
    (failure,) = _failures("", y=_output(**values))
    assert [word for word in words if word not in failure] == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sqnr_db": 19.9}, "SQNR is 19.9 dB"),
        ({"argmax_agreement": 0.94}, "agrees in 94%"),
        ({"constant_columns": (7,), "num_columns": 50}, "1 of 50 columns"),
        ({"worst_column_sqnr_db": 9.0, "argmax_agreement": None}, "SQNR of column 0 is only 9.0"),
        ({"worst_tenth_sqnr_db": 9.0}, "worst tenth of the examples is only 9.0"),
    ],
    ids=lambda values: "" if isinstance(values, str) else ", ".join(values),
)
def test_quantized_model_between_floor_and_good_is_warned_of(
    values: dict[str, Any], words: str
) -> None:
    output = _output(**{"argmax_agreement": 0.95, **values})
    judged = judge(Verification("examples", 3, {"y": output}), _limits(""), is_float=False)
    assert judged.verification.verdict == Verdict.WARNED
    (warning,) = judged.warnings
    assert words in warning


@pytest.mark.parametrize(("precision", "floor"), [("float16", 30.0), ("bfloat16", 12.0)])
def test_float_models_of_half_float_models_have_a_floor(precision: str, floor: float) -> None:
    for sqnr_db, fails in [(floor, False), (floor - 0.1, True)]:
        output = _output(sqnr_db=sqnr_db, relative_error=0.5, argmax_agreement=0.9)
        verification = Verification("examples", 3, {"y": output}, precision=precision)
        judged = judge(verification, _limits(""), is_float=True)
        assert bool(judged.failures) is fails


def test_output_of_which_nothing_was_compared_is_warned_of() -> None:
    output = _output(sqnr_db=None, relative_error=0.0, errors=(0.0,), num_compared=0)
    verification = Verification("examples", 3, {"y": output})
    judged = judge(verification, _limits(""), is_float=True)
    assert judged.verification.verdict == Verdict.WARNED
    assert "output 'y'" in judged.warnings[0]


def test_good_quantized_model_has_no_warning() -> None:
    output = _output(argmax_agreement=0.95)
    judged = judge(Verification("examples", 3, {"y": output}), _limits(""), is_float=False)
    assert (judged.failures, judged.warnings) == ([], [])


@pytest.mark.parametrize(
    "limits", ["min_sqnr_db: 5", "outputs { key: 'y' value { min_sqnr_db: 5 } }"]
)
def test_own_limit_replaces_the_default_floor(limits: str) -> None:
    output = _output(sqnr_db=6.0, argmax_agreement=None, constant_columns=(0,))
    assert len(_failures("", y=output)) == 2
    assert _failures(limits, y=output) == []


@pytest.mark.parametrize("dtype", ["int64", "bool", "string"])
def test_other_outputs_of_float_models_are_equal_by_default(dtype: str) -> None:
    output = dataclasses.replace(_NO_NUMBER, dtype=dtype, equal_share=0.9)
    (failure,) = _failures("", is_float=True, y=output)
    assert "differs by 0.25 at example 1" in failure
