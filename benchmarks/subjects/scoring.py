"""Predictions with a published model, without a Beam pipeline around them."""

import functools

from measuring import Figures, Row, measure

_SECTION = "Scoring"
_MODELS = {
    "digits": "the net of `examples/digits`, 8x8",
    "perceptron": "a perceptron with 128 hidden units, 28x28",
    "mobilenet": "MobileNetV2 0.35, 96x96",
}
_FEW, _MANY = 10, 1_000
_UNIT = "examples/s"


def rows() -> list[Row]:
    """Measures each model in a process of its own, in which all that is compared takes turns."""
    found = [row for model in _MODELS for row in _of_model(model, measure("throughput.py", model))]
    few, many = (
        measure("scoring_memory.py", "perceptron", str(batches))["peak_mb"]
        for batches in (_FEW, _MANY)
    )
    memory = Row(
        key="scoring_peak",
        section=_SECTION,
        measured=f"peak memory of scoring {_MANY:,},000 examples with the perceptron",
        against=f"scoring {_FEW},000",
        ours=many,
        base=few,
        unit="MB",
        aim=1.05,
    )
    return [*found, memory]


def _of_model(model: str, speed: Figures) -> list[Row]:
    row = functools.partial(Row, section=_SECTION, unit=_UNIT, is_least=True)
    one_thread, two_threads = (
        {"measured": f"{_MODELS[model]}, {threads}", "ours": speed[step]}
        for threads, step in (("one thread", "ours"), ("two threads", "two_threads"))
    )
    return [
        row(
            key=f"score_{model}",
            **one_thread,
            against="TensorFlow's parsing and a bare interpreter",
            base=speed["bare"],
            aim=0.9,
        ),
        row(
            key=f"score_{model}_stock",
            **one_thread,
            against="stock TFMA, after parsing",
            base=speed["stock"],
            aim=1,
        ),
        row(
            key=f"score_{model}_threads",
            **two_threads,
            against="one thread",
            base=speed["ours"],
            aim=1.8,
        ),
        row(
            key=f"score_{model}_bare_threads",
            **two_threads,
            against="two threads with TensorFlow's parsing and bare interpreters",
            base=speed["bare_two_threads"],
            aim=0.9,
        ),
    ]
