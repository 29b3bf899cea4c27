"""How the time of splitting and lowering grows with the model: at ten times its size."""

from measuring import Row, measure

_SECTION = "Growth"
_KINDS = {"nodes": 10_000, "features": 1_000, "words": 1_000_000}
_NAMES = {"nodes": "nodes", "features": "features", "words": "words in a vocabulary"}


def rows() -> list[Row]:
    """Splits and lowers a model of each kind."""
    return [_row(kind, size) for kind, size in _KINDS.items()]


def _row(kind: str, size: int) -> Row:
    seconds = measure("growth.py", kind, str(size))
    return Row(
        key=f"growth_{kind}",
        section=_SECTION,
        measured=f"splitting and lowering a model with {size:,} {_NAMES[kind]}",
        against=f"with {size // 10:,}",
        ours=seconds["many"],
        base=seconds["few"],
        unit="s",
        aim=12,
    )
