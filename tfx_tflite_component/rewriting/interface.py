"""Checks a converted tail against the config's `interface`."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tfx_tflite_component.errors import ConfigError, listed
from tfx_tflite_component.graph.flat_graph import ConcreteFunction
from tfx_tflite_component.graph.integer_ranges import INT32, INT64, IntegerRange
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Interface, TFLiteRewriterConfig
from tfx_tflite_component.report.schema import Evidence, NarrowedInteger
from tfx_tflite_component.rewriting.boundary_search import Samples
from tfx_tflite_component.samples.feed import call
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.verification.calls import Call, batches

_INPUT, _OUTPUT = "input", "output"


def check_interface(
    split: Split, config: TFLiteRewriterConfig, samples: Samples
) -> tuple[NarrowedInteger, ...]:
    """Checks that the inputs and outputs of a tail are as the config asks for.

    This is for a tail that was converted: `interface` has no influence on the boundary.

    Args:
        split: The split signature.
        config: The config.
        samples: The examples.

    Returns:
        What shows that each narrowed input and output fits into int32.

    Raises:
        ConfigError: An integer does not fit into int32, or nothing shows that it does; or a size is
            open that has to be fixed.
        ExamplesError: The head or the SavedModel refuses the examples.
    """
    if config.interface.batch == Interface.FIXED:
        _check_sizes(split)
    proven = [
        NarrowedInteger(kind, name, Evidence.GRAPH, known.min, known.max)
        for kind, ranges in [(_INPUT, split.narrowing.inputs), (_OUTPUT, split.narrowing.outputs)]
        for name, known in ranges.items()
    ]
    for integer in proven:
        _check_bounds(integer)
    unknown = [integer for integer in proven if not _fits(integer)]
    examples = [*samples.calibration, *(samples.verification or [])]
    seen = _seen(split, unknown, examples) if unknown else ()
    return (*filter(_fits, proven), *seen)


def _check_sizes(split: Split) -> None:
    for name, spec in split.tail.specs.items():
        if not spec.shape.is_fully_defined():
            raise ConfigError(
                f"interface.batch: FIXED: input {name!r} has open sizes, {spec.shape}. Set them by "
                "input_shapes, or leave interface.batch at OPEN."
            )


def _fits(integer: NarrowedInteger) -> bool:
    return IntegerRange(integer.min, integer.max) in INT32


def _check_bounds(integer: NarrowedInteger) -> None:
    """Refuses integers that the graph bounds on both sides if the bounds do not fit into int32."""
    if not _fits(integer) and INT64.min < integer.min and integer.max < INT64.max:
        raise _too_large(integer, f"the graph's bounds are {integer.min} and {integer.max}")


def _seen(
    split: Split, unknown: Sequence[NarrowedInteger], examples: Sequence[bytes]
) -> Iterator[NarrowedInteger]:
    """The range that integers have in examples.

    Raises:
        ConfigError: There are no examples, or one has a value that int32 cannot hold.
    """
    wide = dataclasses.replace(split, head=split.narrowing.head)
    if not examples or wide.head is None:
        lacking = (
            "there are no examples. Give `examples`"
            if wide.head
            else "no tf.Example can hold what the signature takes. Clip them in the signature"
        )
        raise ConfigError(
            f"interface.integers: INT32: nothing shows that {_named(unknown)} of the model fit "
            f"into 32 bits: the graph does not bound their values, and {lacking}, or leave "
            "interface.integers at KEEP."
        )
    ranges: dict[NarrowedInteger, IntegerRange] = {}
    first = 0
    for found in batches(wide, split.batch_size, examples):
        for integer, array in _values(split.signature, unknown, found):
            _check_values(integer, array, first)
            if array.size:
                known = ranges.get(integer)
                new = IntegerRange.of_values(array)
                ranges[integer] = IntegerRange.around([known, new]) if known else new
        first += found.count
    for integer in unknown:
        known = ranges.get(integer, IntegerRange(0, 0))
        yield dataclasses.replace(integer, evidence=Evidence.EXAMPLES, min=known.min, max=known.max)


def _values(
    signature: ConcreteFunction, unknown: Sequence[NarrowedInteger], found: Call
) -> Iterator[tuple[NarrowedInteger, np.ndarray]]:
    """The values of integers in a call of the SavedModel, which is run only for outputs."""
    needs_outputs = any(integer.kind == _OUTPUT for integer in unknown)
    outputs = call(signature, found.given, "the SavedModel") if needs_outputs else {}
    for integer in unknown:
        yield integer, (found.taken if integer.kind == _INPUT else outputs)[integer.name]


def _check_values(integer: NarrowedInteger, array: np.ndarray, first: int) -> None:
    is_outside = np.atleast_1d((array < INT32.min) | (array > INT32.max))
    if is_outside.any():
        position = first + int(is_outside.reshape(len(is_outside), -1).any(axis=1).argmax())
        value = np.atleast_1d(array)[is_outside].flat[0]
        raise _too_large(integer, f"example {position} of the sample has {value}")


def _too_large(integer: NarrowedInteger, found: str) -> ConfigError:
    return ConfigError(
        f"interface.integers: INT32 cannot hold {integer.kind} {integer.name!r}: {found}, and "
        f"int32 is from {INT32.min} to {INT32.max}. Leave interface.integers at KEEP, or have "
        "the model hash or look up such values before the boundary."
    )


def _named(integers: Sequence[NarrowedInteger]) -> str:
    return listed(f"{integer.kind} {integer.name}" for integer in integers)
