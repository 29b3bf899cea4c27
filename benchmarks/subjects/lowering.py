"""What the lowerings do to the tail of TFX's stock penguin model."""

from measuring import Row, measure
from penguin import penguin

_SECTION = "The models"


def rows() -> list[Row]:
    """Converts the tail with and without lowerings."""
    found = measure("lowered.py", penguin())
    return [
        Row(
            key=f"lowered_{unit}",
            section=_SECTION,
            measured=f"TFX's stock penguin model, lowered: {what}",
            against="not lowered",
            ours=found[f"lowered_{unit}"],
            base=found[f"plain_{unit}"],
            unit=unit,
            aim=1,
        )
        for unit, what in (("ops", "its ops"), ("ms", "one example on one thread"))
    ]
