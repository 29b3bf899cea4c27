"""The heart: a SavedModel in, a verified TFLite model out."""

import pathlib
import shutil
from collections.abc import Sequence

import tensorflow as tf

from tfx_tflite_component.config import MODEL_FILENAME
from tfx_tflite_component.conversion import convert
from tfx_tflite_component.inspection import Inspection, inspect
from tfx_tflite_component.proto.tflite_rewriter_pb2 import Quantization, TFLiteRewriterConfig
from tfx_tflite_component.report import Report
from tfx_tflite_component.runtime import TFLiteModel
from tfx_tflite_component.source import load_signature
from tfx_tflite_component.split.boundary import Split, split
from tfx_tflite_component.split.graph import ConcreteFunction
from tfx_tflite_component.verification import Verification, check_float, verify

SERVING_DIR = "Format-Serving"
HEAD_DIR = "head"

_ASSETS = ("assets", "assets.extra")


def rewrite(
    source: pathlib.Path,
    destination: pathlib.Path,
    config: TFLiteRewriterConfig,
    examples: Sequence[bytes] | None = None,
) -> Report:
    """Rewrites a SavedModel into a TFLite model and what goes with it.

    Args:
        source: The folder of the SavedModel.
        destination: An empty folder; `Format-Serving/` and `head/` are made in it.
        config: The config, as `read_config` gives it.
        examples: Serialized `tf.Example`s to compare the two models on; None for random inputs.

    Raises:
        RewriterError: What was refused, and why; `destination` then holds no complete model.
    """
    signature = load_signature(source, config.signature_key)
    parts = split(signature, _pinned_boundary(config), config.batch_size)
    serving_dir = destination / SERVING_DIR
    _copy_companions(source, serving_dir, config)
    model_path = serving_dir / MODEL_FILENAME
    model_path.write_bytes(convert(parts.tail, config))
    model = inspect(model_path)
    verification = _verified(signature, parts, model_path, model, config, examples)
    if config.output.extra_filename:
        shutil.copyfile(model_path, serving_dir / config.output.extra_filename)
    _save_head(parts, destination / HEAD_DIR)
    return Report(
        boundary=parts.boundary,
        boundary_reason=parts.reason,
        quantization=Quantization.Mode.Name(config.quantization.mode),
        inputs={
            name: f"{spec.dtype.name} {list(spec.shape)}" for name, spec in parts.tail.specs.items()
        },
        dropped_checks=parts.checks,
        model=model,
        verification=verification,
        tensorflow_version=tf.__version__,
    )


def _pinned_boundary(config: TFLiteRewriterConfig) -> str | None:
    if config.input_boundary == TFLiteRewriterConfig.AUTO:
        return None
    return TFLiteRewriterConfig.InputBoundary.Name(config.input_boundary)


def _verified(
    signature: ConcreteFunction,
    parts: Split,
    model_path: pathlib.Path,
    model: Inspection,
    config: TFLiteRewriterConfig,
    examples: Sequence[bytes] | None,
) -> Verification | None:
    if model.custom_ops:
        return None
    verification = verify(signature, parts, TFLiteModel(model_path), examples)
    if config.quantization.mode == Quantization.NONE:
        check_float(verification)
    return verification


def _save_head(parts: Split, path: pathlib.Path) -> None:
    if parts.head is not None:
        tf.saved_model.save(tf.Module(), str(path), signatures=parts.head)


def _copy_companions(
    source: pathlib.Path, serving_dir: pathlib.Path, config: TFLiteRewriterConfig
) -> None:
    """Copies what travels with the model: asset files always, all of the SavedModel if asked."""
    if config.output.include_saved_model:
        shutil.copytree(source, serving_dir)
        return
    serving_dir.mkdir()
    for name in _ASSETS:
        if (source / name).is_dir():
            shutil.copytree(source / name, serving_dir / name)
