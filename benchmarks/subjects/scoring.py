"""Predictions with a published model, without a Beam pipeline around them."""

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
    measured = f"{_MODELS[model]}, one thread"
    return [
        Row(
            key=f"score_{model}",
            section=_SECTION,
            measured=measured,
            against="TensorFlow's parsing and a bare interpreter",
            ours=speed["ours"],
            base=speed["bare"],
            unit=_UNIT,
            aim=0.9,
            is_least=True,
        ),
        Row(
            key=f"score_{model}_stock",
            section=_SECTION,
            measured=measured,
            against="stock TFMA, after parsing",
            ours=speed["ours"],
            base=speed["stock"],
            unit=_UNIT,
            aim=1,
            is_least=True,
        ),
        Row(
            key=f"score_{model}_threads",
            section=_SECTION,
            measured=f"{_MODELS[model]}, two threads",
            against="one thread",
            ours=speed["two_threads"],
            base=speed["ours"],
            unit=_UNIT,
            aim=1.8,
            is_least=True,
        ),
        Row(
            key=f"score_{model}_bare_threads",
            section=_SECTION,
            measured=f"{_MODELS[model]}, two threads",
            against="two threads with TensorFlow's parsing and bare interpreters",
            ours=speed["two_threads"],
            base=speed["bare_two_threads"],
            unit=_UNIT,
            aim=0.9,
            is_least=True,
        ),
    ]
