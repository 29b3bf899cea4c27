"""What the lowerings do to the tails of TFX's stock penguin model and of three small models."""

from measuring import Row, measure
from penguin import penguin

_SECTION = "The models"
_MODELS = {
    "penguin": "TFX's stock penguin model",
    "lstm": "an LSTM of Keras, 10 steps and 16 units",
    "buckets": "quantile buckets of 8 numbers, and a vocabulary of 1,000 words",
    "products": "products of all pairs of 16 features",
}
_UNITS = {"ops": "its ops", "ms": "one example on one thread"}


def rows() -> list[Row]:
    """Converts each tail with and without lowerings."""
    found = measure("lowered.py", penguin())
    return [
        Row(
            key=f"{model}_lowered_{unit}",
            section=_SECTION,
            measured=f"{name}, lowered: {what}",
            against="not lowered",
            ours=found[f"{model}_lowered_{unit}"],
            base=found[f"{model}_plain_{unit}"],
            unit=unit,
            aim=1,
        )
        for model, name in _MODELS.items()
        for unit, what in _UNITS.items()
        if f"{model}_plain_{unit}" in found
    ]
