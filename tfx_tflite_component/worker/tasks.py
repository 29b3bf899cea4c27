"""What the worker does, with JSON as arguments and result."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

import tfx_tflite_component.rewriting.rewrite as rewriting
import tfx_tflite_component.verification.compare as comparing
from tfx_tflite_component.config import read_config
from tfx_tflite_component.progress import begin
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig
from tfx_tflite_component.report.schema import plain, to_json
from tfx_tflite_component.samples.random_examples import random_tensors
from tfx_tflite_component.samples.sampling import Files, draw_samples
from tfx_tflite_component.tflite import inspection
from tfx_tflite_component.tflite.interpreter import TFLiteModel, check_runnable


def rewrite(
    source: str,
    destination: str,
    config: dict[str, Any],
    files: Mapping[str, Sequence[Any]],
    transform_graph: str | None,
) -> dict[str, Any]:
    """`rewriting.rewrite`, with the config as a mapping and samples drawn from files."""
    settings = read_config(config)
    samples = rewriting.Samples(**_samples(settings, files))
    report = rewriting.rewrite(
        pathlib.Path(source),
        pathlib.Path(destination),
        settings,
        samples,
        pathlib.Path(transform_graph) if transform_graph else None,
    )
    return to_json(report)


def compare(
    source: str, model: str, config: dict[str, Any], files: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """`comparing.compare`, likewise."""
    settings = read_config(config)
    (examples,) = _samples(settings, files).values()
    comparison = comparing.compare(pathlib.Path(source), pathlib.Path(model), settings, examples)
    return plain(dataclasses.asdict(comparison))


def inspect(model: str) -> dict[str, Any]:
    """`inspection.inspect`."""
    return plain(dataclasses.asdict(inspection.inspect(pathlib.Path(model))))


def try_model(model: str, model_dir: str) -> None:
    """Reads a model and runs it on random inputs, so that one that kills its process does so here.

    Whether it takes these inputs does not matter: not every model stands random ones.
    """
    begin(f"trying the TFLite model {model}")
    path = pathlib.Path(model)
    found = inspection.inspect(path)
    check_runnable(found, model_dir)
    loaded = TFLiteModel(path, needs_select_tf_ops=found.op_set == inspection.SELECT_TF)
    specs = {
        name: tf.TensorSpec([None if size < 0 else size for size in details.shape], details.dtype)
        for name, details in loaded.inputs.items()
    }
    with contextlib.suppress(RuntimeError, ValueError):
        loaded(random_tensors(specs, count=1, seed=0))


def _samples(
    config: TFLiteRewriterConfig, files: Mapping[str, Sequence[Any]]
) -> dict[str, list[bytes]]:
    if files:
        begin("sampling the examples")
    return draw_samples(config, {name: Files(*found) for name, found in files.items()})
