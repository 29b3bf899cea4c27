"""The interpreter's messages as users see them."""

import pytest

from tfx_tflite_component.tflite.interpreter_words import interpreter_words


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "tensorflow/lite/kernels/gather.cc:171 indices_has_only_positive_elements was not true."
            "Node number 1 (GATHER) failed to invoke.",
            "GATHER (op 1) failed to invoke: indices_has_only_positive_elements was not true",
        ),
        (
            "Type 'INT16' is not supported by tile.Node number 5 (TILE) failed to invoke.",
            "TILE (op 5) failed to invoke: Type 'INT16' is not supported by tile",
        ),
        ("Node number 0 (ADD) failed to prepare.\n", "ADD (op 0) failed to prepare"),
        ("There is at least 1 reference to internal data.", None),
    ],
)
def test_op_comes_first_and_places_in_the_source_are_left_out(said: str, told: str | None) -> None:
    assert interpreter_words(RuntimeError(said)) == (told or said.rstrip("."))
