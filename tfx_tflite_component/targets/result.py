"""The result of a validation, as dataclasses."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_tflite_component.tflite.inspection import Inspection
from tfx_tflite_component.verification.measures import OutputComparison

SCHEMA_VERSION = 1
"""The version of the JSON form; increased when a field is removed or changes its meaning."""


@dataclasses.dataclass(frozen=True)
class Share:
    """The ops that a delegate or a processor takes.

    Attributes:
        taken: The number of ops that it takes.
        ops: The number of all ops.
        refused: Each op that it does not take, and why.
    """

    taken: int
    ops: int
    refused: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share of ops that it takes, 0 to 1; 0 for a model without ops."""
        return self.taken / self.ops if self.ops else 0.0


@dataclasses.dataclass(frozen=True)
class TargetResult:
    """The result of the model on one target.

    Attributes:
        name: The name of the target.
        runtime: The runtime and its version.
        is_run: Whether the model was run; otherwise it was judged from the file.
        failures: Why the target does not bless the model; empty if it does.
        loads: Whether the runtime, or the compiler, takes the model.
        runs: Whether it ran on every input; None if it was not run.
        outputs: How much each output differs from the host's; empty if there is nothing to compare.
            The outputs of several signatures are named `signature/output`.
        delegated: The ops that the delegate or processor takes; None if that is not known.
        arena_bytes: The memory that TensorFlow Lite Micro used, without weights.
        sram_bytes: The SRAM that the compiled model uses.
        flash_bytes: The flash that the compiled model uses.
        cycles: The compiler's estimate of the cycles of one inference.
        macs: The compiler's count of multiply-accumulates.
        latency_ms: Milliseconds of an inference at the percentiles "50", "90" and "99", on the
            machine that validates; None if it was not run, or was emulated. Of several signatures,
            the slowest.
        seconds: How long the target took.
    """

    name: str
    runtime: str
    is_run: bool
    failures: tuple[str, ...]
    loads: bool
    runs: bool | None
    seconds: float
    outputs: dict[str, OutputComparison] = dataclasses.field(default_factory=dict)
    delegated: Share | None = None
    arena_bytes: int | None = None
    sram_bytes: int | None = None
    flash_bytes: int | None = None
    cycles: int | None = None
    macs: int | None = None
    latency_ms: dict[str, float] | None = None


def joined(results: Mapping[str, TargetResult]) -> TargetResult:
    """One result of a target for all signatures of a model, whose failures name the signature.

    Args:
        results: The result of each signature by its key.
    """
    first, *others = results.values()
    if not others:
        return first
    everything = results.values()
    latencies = [one.latency_ms for one in everything if one.latency_ms]
    return dataclasses.replace(
        first,
        failures=tuple(
            f"signature {key!r}: {failure}"
            for key, one in results.items()
            for failure in one.failures
        ),
        loads=all(one.loads for one in everything),
        runs=all(one.runs for one in everything),
        seconds=sum(one.seconds for one in everything),
        outputs={
            f"{key}/{name}": output
            for key, one in results.items()
            for name, output in one.outputs.items()
        },
        arena_bytes=max(one.arena_bytes or 0 for one in everything) or None,
        latency_ms=max(latencies, key=lambda found: found["90"])
        if len(latencies) == len(results)
        else None,
    )


@dataclasses.dataclass(frozen=True)
class BudgetItem:
    """One limit of the budget.

    Attributes:
        name: The field of the budget.
        limit: The largest value that is allowed.
        measured: The value of the model; None if it could not be measured.
    """

    name: str
    limit: float
    measured: float | None

    @property
    def holds(self) -> bool:
        """Whether the model is within the limit."""
        return self.measured is not None and self.measured <= self.limit


@dataclasses.dataclass(frozen=True)
class Validation:
    """The result of a validation.

    Attributes:
        blessed: Whether the model may ship.
        failures: Why it may not; empty if it may.
        model: What the file holds; None for one that cannot be read.
        inputs: "examples" if real examples were run, "random inputs" otherwise.
        num_inputs: How many.
        budget: The limits of the budget.
        host: The model on the interpreter of the machine that validates, which the others are
            compared with; None for a file that cannot be read.
        targets: The model on each target.
        oldest_runtime: The oldest of the runtimes tried that runs the model; None if none did.
        config: The config, with the defaults filled in.
        versions: The version of each library that was used.
        schema_version: `SCHEMA_VERSION`.
    """

    blessed: bool
    failures: tuple[str, ...]
    model: Inspection | None
    inputs: str
    num_inputs: int
    budget: tuple[BudgetItem, ...]
    host: TargetResult | None
    targets: tuple[TargetResult, ...]
    oldest_runtime: str | None
    config: dict[str, Any]
    versions: dict[str, str]
    schema_version: int = SCHEMA_VERSION
