"""Whether XNNPACK's kernels and TFLite's own compute the same: apps use either."""

import numpy as np

from tfx_tflite_component.tflite.interpreter import Arrays, TFLiteModel
from tfx_tflite_component.verification.limits import FLOAT_TOLERANCE, SQNR_GOOD
from tfx_tflite_component.verification.measures import OutputComparison, Sums

_MAX_CALLS = 3
# the smallest normal 32-bit float
_TINY = 2.0**-126


class KernelComparison:
    """Compares the first calls of a model by TFLite's own kernels with what XNNPACK returned."""

    def __init__(self, model: TFLiteModel, is_float: bool) -> None:
        """Starts without any call.

        Args:
            model: The model, run by TFLite's own kernels.
            is_float: Whether nothing of it is quantized.
        """
        self._model = model
        self._is_float = is_float
        self._num_calls = 0
        self._sums: dict[str, Sums] = {}

    def add(self, inputs: Arrays, outputs: Arrays) -> None:
        """Adds a call: its inputs, and its outputs from XNNPACK's kernels."""
        if self._num_calls == _MAX_CALLS:
            return
        self._num_calls += 1
        for name, found in self._model(inputs).items():
            # None of the outputs is per example: a difference anywhere counts.
            added = self._sums.setdefault(name, Sums(found.dtype, is_per_example=False))
            if found.shape == outputs[name].shape:
                added.add(outputs[name], found)
            else:
                added.add(np.array([np.inf]), np.array([0.0]))

    def errors(self) -> dict[str, float]:
        """The largest difference of each numeric output, relative to its largest magnitude."""
        found = {name: added.comparison() for name, added in self._sums.items()}
        return {
            name: output.max_abs_error / max(output.magnitude, _TINY)
            for name, output in found.items()
            if output.is_numeric and np.isfinite(output.max_abs_error)
        }

    def differences(self) -> dict[str, float]:
        """The outputs that differ by more than the tolerance, and the largest difference."""
        found = {name: added.comparison() for name, added in self._sums.items()}
        return {
            name: output.max_abs_error for name, output in found.items() if self._differs(output)
        }

    def _differs(self, output: OutputComparison) -> bool:
        """Whether kernels differ: by more than rounding, or of quantized models by a few steps."""
        if output.max_abs_error == np.inf:
            return True
        if self._is_float:
            limit = FLOAT_TOLERANCE if output.is_float else 0.0
            figure = output.relative_error if output.is_float else output.max_abs_error
            return (figure or 0.0) > limit
        return output.sqnr_db is not None and output.sqnr_db < SQNR_GOOD
