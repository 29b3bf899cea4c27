"""The files that examples are sampled from, and the purpose of each sample."""

import dataclasses
import glob
import os
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from tfx_tflite_component.config_checks import is_calibrated
from tfx_tflite_component.errors import ExamplesError, listed
from tfx_tflite_component.proto.tflite_rewriter_pb2 import (
    Calibration,
    TFLiteRewriterConfig,
    Verification,
)
from tfx_tflite_component.storage.files import is_local

Settings: TypeAlias = Calibration | Verification

EXPECTED_FILES = (
    "TFRecord, CSV, Parquet or NumPy files with examples, such as 'data/train-*.tfrecord.gz'"
)
"""What the user should name, for messages."""


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


def check_local_files(samples: Iterable[Files]) -> None:
    """Refuses local files that are not there, without waiting for TensorFlow.

    Raises:
        ExamplesError: No pattern of a sample matches a file.
    """
    for files in samples:
        if not any(map(_may_match, files.patterns)):
            raise ExamplesError(
                f"{files.name} hold no example: {listed(files.patterns) or 'nothing'} matches no "
                f"file. Name {EXPECTED_FILES}."
            )


def _may_match(pattern: str) -> bool:
    # the name of a file may look like a pattern
    return not is_local(pattern) or os.path.exists(pattern) or bool(glob.glob(pattern))
