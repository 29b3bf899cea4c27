"""Compares the outputs of a model with golden vectors."""

import pathlib
from collections.abc import Iterator, Mapping

import numpy as np

from tfx_tflite_component.app.golden import (
    Golden,
    GoldenArray,
    GoldenCheck,
    GoldenVector,
    Mismatch,
    to_array,
)
from tfx_tflite_component.errors import VerificationError, listed
from tfx_tflite_component.progress import Phase, begin
from tfx_tflite_component.tflite.inspection import find_signature, inspect
from tfx_tflite_component.tflite.interpreter import (
    Arrays,
    TFLiteModel,
    check_runnable,
    model_errors,
)


class GoldenModel:
    """A model that is run on one vector at a time, each time from the initial state in its file.

    Attributes:
        sha256: The SHA-256 of the file, in hexadecimal.
        inputs: The inputs by name.
        outputs: The outputs by name.
        needs_select_tf_ops: Whether it has Select TF ops, which have only one set of kernels.
    """

    def __init__(self, path: pathlib.Path, key: str, own_kernels: bool = False) -> None:
        """Loads a model.

        Args:
            path: The `.tflite` file.
            key: The key of its signature, if it has several.
            own_kernels: Whether to use TFLite's own kernels instead of XNNPACK's.

        Raises:
            RewriterError: The model is damaged, or cannot be run here.
        """
        found = inspect(path)
        check_runnable(path, found, str(path))
        self.needs_select_tf_ops = found.needs_select_tf_ops
        self._has_state = found.has_state
        self._model = TFLiteModel(
            path,
            needs_select_tf_ops=self.needs_select_tf_ops,
            own_kernels=own_kernels,
            signature_key=find_signature(path, key, str(path)),
        )
        self.sha256 = found.sha256
        self.inputs, self.outputs = self._model.inputs, self._model.outputs

    def __call__(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Runs the model; errors and arguments as for `TFLiteModel`."""
        model = self._model.copy() if self._has_state else self._model
        return model(inputs)


def check_golden(path: pathlib.Path, golden: Golden) -> GoldenCheck:
    """Runs a model on the inputs of golden vectors, and compares its outputs with theirs.

    Args:
        path: The `.tflite` file.
        golden: The golden vectors.

    Raises:
        RewriterError: The model is damaged, or cannot be run here.
        VerificationError: It does not take the inputs of the vectors, or lacks an output.
    """
    begin(Phase.LOADING_MODEL)
    model = GoldenModel(path, golden.signature_key)
    begin(Phase.COMPARING)
    mismatches: list[Mismatch] = []
    for position, vector in enumerate(golden.vectors):
        _check_names(path, model, vector)
        with model_errors(str(path)):
            outputs = model({name: to_array(array) for name, array in vector.inputs.items()})
        mismatches += output_mismatches(vector, outputs, position)
    return GoldenCheck(model.sha256 == golden.model_sha256, len(golden.vectors), tuple(mismatches))


def output_mismatches(
    vector: GoldenVector, outputs: Arrays, position: int = 0
) -> Iterator[Mismatch]:
    """The outputs that differ from those of a vector.

    Args:
        vector: The vector.
        outputs: An array for each output.
        position: The position of the vector.
    """
    for name, expected in vector.outputs.items():
        tolerance = vector.tolerances[name]
        error = difference(expected, outputs[name])
        # NaN is never within a tolerance
        if not error <= tolerance:
            yield Mismatch(position, vector.covers, name, error, tolerance)


def difference(expected: GoldenArray, found: np.ndarray) -> float:
    """The largest absolute difference from an array of a vector, as in `Mismatch.error`."""
    wanted = to_array(expected)
    if found.shape != wanted.shape or (found.dtype.kind in "OSU") != (expected.dtype == "string"):
        return np.inf
    if wanted.dtype.kind in "Ob":
        return float((wanted != found).any())
    wide, other = wanted.astype(np.float64), found.astype(np.float64)
    with np.errstate(invalid="ignore"):
        errors = np.nan_to_num(np.abs(wide - other), nan=np.inf)
    is_same = (wide == other) | (np.isnan(wide) & np.isnan(other))
    return float(np.where(is_same, 0.0, errors).max(initial=0.0))


def _check_names(path: pathlib.Path, model: GoldenModel, vector: GoldenVector) -> None:
    kinds: Mapping[str, tuple[Mapping, Mapping]] = {
        "takes": (model.inputs, vector.inputs),
        "returns": (model.outputs, vector.outputs),
    }
    for verb, (found, expected) in kinds.items():
        if found.keys() != expected.keys():
            raise VerificationError(
                f"The TFLite model {path} {verb} {listed(sorted(found))}; the golden vectors have "
                f"{listed(sorted(expected))}. Name the vectors that were made with this model, or "
                "make new ones."
            )
