"""Makes golden vectors: runs the head and the model on examples that cover the features."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfx_tflite_component.app.check import GoldenModel, output_mismatches
from tfx_tflite_component.app.feature_values import feature_values
from tfx_tflite_component.app.golden import (
    Golden,
    GoldenSource,
    GoldenVector,
    to_array,
    to_golden,
    value_to_json,
)
from tfx_tflite_component.app.real import covering, values_of
from tfx_tflite_component.app.synthetic import serialized, synthetic_examples
from tfx_tflite_component.errors import ExamplesError
from tfx_tflite_component.split.boundary import Boundary
from tfx_tflite_component.split.head import matching_features
from tfx_tflite_component.split.parse_ops import ParsedFeature
from tfx_tflite_component.split.split import Split
from tfx_tflite_component.tflite.interpreter import Arrays
from tfx_tflite_component.verification.calls import batches

_SEED = 0
_REMEDY = (
    "Give `examples` and set app.golden_examples: REAL to take real ones, or remove "
    "app.golden_vectors."
)
# other kernels, such as a GPU's, may differ by more than the two that run here
_MARGIN = 4.0
_FLOAT_TOLERANCE = 1e-5
# of sums whose terms cancel out
_FLOAT_ROUNDING = 1e-6
# one step of 8 bits
_QUANTIZED_TOLERANCE = 1 / 128


@dataclasses.dataclass(frozen=True)
class Tolerances:
    """How far outputs may be from a vector's.

    Attributes:
        kernel_errors: The largest difference of each output between the two sets of kernels, in
            the verification, relative to its largest magnitude.
        is_quantized: Whether anything of the model is quantized.
    """

    kernel_errors: Mapping[str, float]
    is_quantized: bool

    def of(self, name: str, run: "_Run", usual: float) -> float:
        """The largest absolute difference of an output that is allowed.

        It is four times the difference between the two sets of kernels, for these inputs or
        relative to the magnitude in the verification. It is never less than the rounding of 32-bit
        floats or, for a quantized model, one step of 8 bits.

        Args:
            name: The output.
            run: The outputs for the vector's inputs.
            usual: The usual magnitude of the output.
        """
        expected, other = run.outputs[name], run.by_own_kernels.get(name)
        if expected.dtype.kind in "OSUb":
            return 0.0
        size = _largest(expected)
        found = self.kernel_errors.get(name, 0.0) * size
        if other is not None and other.shape == expected.shape:
            found = max(found, _largest(expected.astype(float) - other.astype(float)))
        least = 0.0
        if np.issubdtype(expected.dtype, np.floating):
            least = max(_FLOAT_TOLERANCE * size, _FLOAT_ROUNDING * usual)
        if self.is_quantized:
            least = max(least, _QUANTIZED_TOLERANCE * max(size, usual))
        return max(_MARGIN * found, least)


@dataclasses.dataclass(frozen=True)
class _Run:
    """An example, and the outputs of head and model for it."""

    covers: tuple[str, ...]
    example: bytes
    inputs: Arrays
    outputs: Arrays
    by_own_kernels: Arrays


def make_golden(
    model: pathlib.Path,
    key: str,
    split: Split,
    tolerances: Tolerances,
    count: int,
    real: Sequence[bytes] | None,
) -> Golden:
    """Makes golden vectors of a signature of a model.

    Args:
        model: The `.tflite` file, which can be run here.
        key: The key of its signature.
        split: The signature's two parts.
        tolerances: How far outputs may be from the vectors'.
        count: The number of vectors; there are fewer if there are fewer real examples, or if
            the model cannot process some of the synthetic ones.
        real: Serialized `tf.Example`s to choose from; None for synthetic ones.

    Raises:
        ExamplesError: No example can be made up, or the head or the model refuses all of them.
    """
    features = _features(split)
    left: list[str] = []
    if split.head is None:
        raise ExamplesError(
            "app.golden_vectors: the signature takes a tensor that no tf.Example can hold. Remove "
            "app.golden_vectors."
        )
    if real is not None:
        chosen = covering(real, count)
    else:
        if not features:
            raise ExamplesError(
                "app.golden_vectors: no synthetic examples can be made, because the signature does "
                f"not show what its tf.Examples hold. {_REMEDY}"
            )
        dtypes = {feature.name: feature.dtype for feature in features}
        made, left = synthetic_examples(feature_values(split.signature, features), count, _SEED)
        chosen = [(one.covers, serialized(one.features, dtypes)) for one in made]
    ran = GoldenModel(model, key)
    own = None if ran.needs_select_tf_ops else GoldenModel(model, key, own_kernels=True)
    runs = list(_runs(split, ran, own, chosen))
    if not runs:
        raise ExamplesError(
            "app.golden_vectors: head and model can process none of the examples, or return no "
            f"finite numbers for them. {_REMEDY}"
        )
    vectors = tuple(_vectors(runs, tolerances))
    return Golden(
        model_sha256=ran.sha256,
        source=GoldenSource.SYNTHETIC if real is None else GoldenSource.REAL,
        vectors=vectors,
        signature_key=key,
        not_covered=tuple(left),
        hidden_inputs=tuple(_hidden_inputs(ran, vectors)),
    )


def _features(split: Split) -> tuple[ParsedFeature, ...]:
    if split.boundary is Boundary.SIGNATURE and not split.features:
        return matching_features(split.tail.specs, split.batched)
    return split.features


def _runs(
    split: Split,
    model: GoldenModel,
    own: GoldenModel | None,
    chosen: Sequence[tuple[tuple[str, ...], bytes]],
) -> Iterator[_Run]:
    """The examples that head and model process."""
    for covers, example in chosen:
        try:
            (made,) = batches(split, split.batch_size or 1, [example])
            outputs = model(made.taken)
            others = own(made.taken) if own else {}
        except (ExamplesError, RuntimeError, ValueError):
            continue
        # outputs that overflow say nothing about preprocessing
        if all(np.isfinite(a).all() for a in outputs.values() if a.dtype.kind == "f"):
            yield _Run(covers, example, made.taken, outputs, others)


def _vectors(runs: Sequence[_Run], tolerances: Tolerances) -> Iterator[GoldenVector]:
    usual = {
        name: float(np.median([_largest(run.outputs[name]) for run in runs]))
        for name, array in runs[0].outputs.items()
        if np.issubdtype(array.dtype, np.number)
    }
    for run in runs:
        yield GoldenVector(
            covers=run.covers,
            example=_features_of(run.example),
            inputs={name: to_golden(array) for name, array in run.inputs.items()},
            outputs={name: to_golden(array) for name, array in run.outputs.items()},
            tolerances={
                name: tolerances.of(name, run, usual.get(name, 0.0)) for name in run.outputs
            },
        )


def _features_of(example: bytes) -> dict[str, tuple[object, ...]]:
    held = tf.train.Example.FromString(example).features.feature
    found = {name: values_of(held, name) for name in sorted(held)}
    return {name: tuple(map(value_to_json, values)) for name, values in found.items() if values}


def _hidden_inputs(model: GoldenModel, vectors: Sequence[GoldenVector]) -> Iterator[str]:
    """The inputs of which no vector shows that they matter."""
    for name in sorted(vectors[0].inputs):
        if not any(
            _shows(model, vector, name, other)
            for vector, other in zip(vectors, [*vectors[1:], vectors[0]], strict=True)
        ):
            yield name


def _shows(model: GoldenModel, vector: GoldenVector, name: str, other: GoldenVector) -> bool:
    """Whether another vector's value of an input makes a difference."""
    if other.inputs[name] == vector.inputs[name]:
        return False
    given = {**vector.inputs, name: other.inputs[name]}
    inputs: Arrays = {name: to_array(array) for name, array in given.items()}
    try:
        return bool(list(output_mismatches(vector, model(inputs))))
    except (RuntimeError, ValueError):  # sizes that do not match
        return True


def _largest(array: np.ndarray) -> float:
    finite = np.where(np.isfinite(array), array, 0)
    return float(np.abs(finite.astype(np.float64)).max(initial=0.0))
