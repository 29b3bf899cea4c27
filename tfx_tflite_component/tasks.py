"""What the worker does, with JSON as arguments and result."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfx_tflite_component import comparing, inspection, rewriting
from tfx_tflite_component.config import read_config
from tfx_tflite_component.progress import begin
from tfx_tflite_component.random_inputs import random_tensors
from tfx_tflite_component.report import plain, to_json
from tfx_tflite_component.runtime import TFLiteModel
from tfx_tflite_component.scoring import check_runnable


def rewrite(
    source: str,
    destination: str,
    config: dict[str, Any],
    samples: Mapping[str, str],
    transform_graph: str | None,
) -> dict[str, Any]:
    """`rewriting.rewrite`, with the config as a mapping and each sample as a TFRecord file."""
    report = rewriting.rewrite(
        pathlib.Path(source),
        pathlib.Path(destination),
        read_config(config),
        rewriting.Samples(**{name: _records(path) for name, path in samples.items()}),
        pathlib.Path(transform_graph) if transform_graph else None,
    )
    return to_json(report)


def compare(
    source: str, model: str, config: dict[str, Any], samples: Mapping[str, str]
) -> dict[str, Any]:
    """`comparing.compare`, likewise."""
    comparison = comparing.compare(
        pathlib.Path(source),
        pathlib.Path(model),
        read_config(config),
        _records(samples["verification"]),
    )
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


def _records(path: str) -> list[bytes]:
    return list(tf.data.TFRecordDataset(path).as_numpy_iterator())
