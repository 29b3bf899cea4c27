"""Ranges of activations that leave out the examples that stretch them."""

from collections.abc import Mapping

import numpy as np

from tfx_tflite_component.tflite.model_edit import pack, tensor_name, unpack
from tfx_tflite_component.tflite.observation import Observation

_PERCENTILE = 97.5
"""The percentile of the examples' largest values, and from the other end of the smallest."""


def percentile_ranges(calibrated: bytes, observed: Mapping[str, Observation]) -> bytes:
    """Narrows the ranges of a calibrated model to the values of all but a few examples.

    Args:
        calibrated: A calibrated model, as `calibrate` returns it.
        observed: What values its tensors take, as `observe` returns them for the float model.
    """
    model = unpack(calibrated)
    for tensor in model.subgraphs[0].tensors:
        ranges, found = tensor.quantization, observed.get(tensor_name(tensor))
        if found is None or ranges is None or ranges.min is None or not len(ranges.min):
            continue
        low = np.percentile(found.lows, 100 - _PERCENTILE)
        high = np.percentile(found.highs, _PERCENTILE)
        ranges.min = np.maximum(ranges.min, np.float32(low))
        ranges.max = np.minimum(ranges.max, np.float32(high))
    return pack(model)
