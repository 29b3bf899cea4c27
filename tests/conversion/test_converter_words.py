"""That what the converter says is passed on without what a user can do nothing with."""

import pytest

from tfx_tflite_component.conversion.converter_words import words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param("is not supported.\nmore", "is not supported", id="first line"),
        pytest.param("Failed:\n  the op", "Failed: the op", id="heading"),
        pytest.param(
            '<unknown>:0: error: loc(callsite(fused["a:", "b(c)"] at fused["d"])): failed to x\n'
            "<unknown>:0: error: failed while converting: 'main': ",
            "failed to x",
            id="location",
        ),
        pytest.param(
            "error: no shape. Set converter.target_spec.supported_ops = [x]\\n and the flag.",
            "no shape",
            id="attributes",
        ),
        pytest.param(
            "Lists failed. Please consider disabling `_experimental_lower_tensor_list_ops` flag.",
            "Lists failed",
            id="flag",
        ),
        pytest.param("one\\ntwo", "one two", id="escaped line end"),
        pytest.param("Pass --allow_x.", "it does not say why", id="only advice"),
        pytest.param("", "it does not say why", id="nothing"),
    ],
)
def test_developers_words_are_left_out(said: str, expected: str) -> None:
    assert words(RuntimeError(said)) == expected
