"""The files that examples are sampled from, and the purpose of each sample."""

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

from tfx_tflite_component.config import is_calibrated
from tfx_tflite_component.proto.tflite_rewriter_pb2 import (
    Calibration,
    TFLiteRewriterConfig,
    Verification,
)

Settings: TypeAlias = Calibration | Verification


@dataclasses.dataclass(frozen=True)
class Files:
    """The files to take a sample from.

    Attributes:
        name: Their name in messages.
        patterns: Their patterns.
    """

    name: str
    patterns: Sequence[str]


def settings_of_samples(config: TFLiteRewriterConfig) -> dict[str, Settings]:
    """The settings of each sample, by the fields of `rewriting.Samples`.

    Args:
        config: The config, as `read_config` gives it.
    """
    if is_calibrated(config):
        return {"verification": config.verification, "calibration": config.calibration}
    return {"verification": config.verification}
