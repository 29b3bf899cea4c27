"""Examples in files, as the functions without a pipeline take them."""

import os
from collections.abc import Sequence
from typing import TypeAlias

from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.samples.files import Files, settings_of_samples
from tfx_tflite_component.storage.publish import absolute

Path: TypeAlias = str | os.PathLike[str]
Examples: TypeAlias = Path | Sequence[Path]


def files_of_samples(
    examples: Examples,
    config: TFLiteRewriterConfig,
    calibration_examples: Examples | None = None,
) -> dict[str, Files]:
    """The files of each sample; there are no splits outside of a pipeline."""
    files = dict.fromkeys(settings_of_samples(config), _named("`examples`", examples))
    if calibration_examples is not None:
        files["calibration"] = _named("`calibration_examples`", calibration_examples)
    return files


def _named(name: str, examples: Examples) -> Files:
    patterns = [examples] if isinstance(examples, str | os.PathLike) else list(examples)
    return Files(name, [absolute(os.fspath(pattern)) for pattern in patterns])
