"""What the worker does, with JSON as arguments and result."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfx_tflite_component import comparing, inspection, rewriting
from tfx_tflite_component.config import read_config
from tfx_tflite_component.report import plain, to_json


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


def _records(path: str) -> list[bytes]:
    return list(tf.data.TFRecordDataset(path).as_numpy_iterator())
