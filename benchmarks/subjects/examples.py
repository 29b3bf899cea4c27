"""What the steps that need examples take: calibration, verification and sampling."""

from measuring import Row, measure

_SECTION = "Examples"
_FEW, _MANY = 1_000, 1_000_000


def rows() -> list[Row]:
    """Runs the steps beside the least that each could take."""
    steps = measure("steps.py")
    few, many = (measure("sampling.py", str(count))["peak_mb"] for count in (_FEW, _MANY))
    return [
        Row(
            key="calibration",
            section=_SECTION,
            measured="calibration on 500 images of 96 by 96",
            against="the converter's own on arrays in memory",
            ours=steps["calibration"],
            base=steps["bare_calibration"],
            unit="s",
            aim=1.05,
        ),
        Row(
            key="verification",
            section=_SECTION,
            measured="verification on 200 images of 96 by 96",
            against="running the SavedModel and the interpreter",
            ours=steps["verification"],
            base=steps["bare_verification"] + steps["trained"],
            unit="s",
            aim=1.2,
        ),
        Row(
            key="sampling_peak",
            section=_SECTION,
            measured=f"peak memory of sampling {_MANY:,} examples",
            against=f"sampling {_FEW:,}",
            ours=many,
            base=few,
            unit="MB",
            aim=1.05,
        ),
    ]
