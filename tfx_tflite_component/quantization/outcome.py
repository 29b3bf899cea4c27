"""The result of the search for the best quantization, for the report."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Trial:
    """A candidate that was tried.

    Attributes:
        name: What was done, such as "FULL_INTEGER" or "FULL_INTEGER, EQUALIZATION".
        size_bytes: The size of the model; 0 if the model could not be made.
        sqnr_db: The signal to quantization noise ratio of the worst output on the search sample.
        argmax_agreement: The smallest of all outputs on the search sample; None if no output has
            classes.
        holds: Whether it is within the budget on the search sample; for a near miss that was
            confirmed, on that and the verification sample together.
        confirmed: Whether it is within the budget on the verification sample as well; None if that
            was not measured because a better candidate is.
        is_near_miss: Whether it would be within the budget if one example more of the search sample
            agreed, so that it may still be confirmed.
        why_not: Why it was not chosen; empty for the chosen one.
        is_integer_only: Whether no op computes in floats.
        latency_ms: The median time of one inference on this machine, with one thread; None if it
            was not measured.
        latency_noise_ms: Half the distance between the quartiles of that time.
        on_front: Whether no other candidate is both smaller and better.
        seconds: The time to make and compare it.
    """

    name: str
    size_bytes: int
    sqnr_db: float
    argmax_agreement: float | None
    holds: bool
    is_integer_only: bool
    seconds: float
    why_not: str = ""
    confirmed: bool | None = None
    is_near_miss: bool = False
    latency_ms: float | None = None
    latency_noise_ms: float | None = None
    on_front: bool = False

    @property
    def may_be_chosen(self) -> bool:
        """Whether it is worth confirming."""
        return self.holds or self.is_near_miss


@dataclasses.dataclass(frozen=True)
class OpCost:
    """The cost of quantizing one op, with all others in float.

    Attributes:
        op: The name of the op, such as "CONV_2D".
        tensor: Its first output tensor, by which the op is named.
        sqnr_db: The signal to quantization noise ratio of the model's worst output.
    """

    op: str
    tensor: str
    sqnr_db: float


@dataclasses.dataclass(frozen=True)
class KeptFloat:
    """An op that stayed float in the chosen model, and why.

    Attributes:
        op: The name of the op, such as "CONV_2D".
        tensor: Its first output tensor.
        reason: Why, as text.
    """

    op: str
    tensor: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of a search.

    Attributes:
        minimize: SIZE or LATENCY.
        chosen: The name of the chosen trial.
        calibration_examples: The number of examples that it was calibrated with.
        search_examples: The number of examples that candidates were compared on.
        trials: The candidates that were tried, in order.
        ranking: The cost of quantizing each op, the worst first.
        kept_float: The ops that the chosen model computes in floats although int8 was tried.
        step_seconds: How long each step took.
        skipped: The candidates that were not tried because the time was up.
    """

    minimize: str
    chosen: str
    calibration_examples: int
    search_examples: int
    trials: tuple[Trial, ...]
    ranking: tuple[OpCost, ...]
    kept_float: tuple[KeptFloat, ...]
    step_seconds: dict[str, float]
    skipped: tuple[str, ...]


def on_front(trials: list[Trial]) -> set[str]:
    """The names of the trials that no other beats in both size and quality."""
    made = [trial for trial in trials if trial.size_bytes]
    return {
        trial.name
        for trial in made
        if not any(
            other.size_bytes <= trial.size_bytes
            and other.sqnr_db >= trial.sqnr_db
            and (other.size_bytes, -other.sqnr_db) != (trial.size_bytes, -trial.sqnr_db)
            for other in made
        )
    }
