"""What a search for the best quantization found, for the report."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Trial:
    """A candidate that was tried.

    Attributes:
        name: What was done, such as "FULL_INTEGER" or "FULL_INTEGER, EQUALIZATION".
        size_bytes: The size of the model; 0 if it could not be made.
        sqnr_db: The signal to quantization noise ratio of the worst output on the search sample.
        argmax_agreement: The smallest of the outputs there; None if no output has classes.
        holds: Whether it holds the budget there.
        confirmed: Whether it holds the budget on the examples of the verification as well; None if
            that was not asked, because a better candidate does.
        why_not: Why it is not chosen; empty for the chosen one.
        is_integer_only: Whether no op computes in floats.
        latency_ms: The median of one inference here, with one thread; None if it was not measured.
        latency_noise_ms: Half the distance between the quartiles.
        on_front: Whether no other candidate is both smaller and better.
        seconds: How long it took to make and to compare.
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
    latency_ms: float | None = None
    latency_noise_ms: float | None = None
    on_front: bool = False


@dataclasses.dataclass(frozen=True)
class OpCost:
    """What quantizing one op costs, with all others in float.

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
        reason: Why, in words.
    """

    op: str
    tensor: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes:
        minimize: SIZE or LATENCY.
        chosen: The name of the chosen trial.
        calibration_examples: How many examples the ranges were taken from.
        search_examples: How many examples candidates were compared on.
        trials: What was tried, in order.
        ranking: What quantizing each op costs, the worst first.
        kept_float: The ops that the chosen model computes in floats although int8 was tried.
        step_seconds: How long each step took.
        skipped: What was not tried because time was up.
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
