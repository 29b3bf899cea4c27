"""The other process: reads a request, rewrites, and answers. Started by `isolation`."""

import json
import os
import pathlib
import sys
import traceback
from typing import Any

import tensorflow as tf

from tfx_tflite_component.config import read_config
from tfx_tflite_component.errors import RewriterError
from tfx_tflite_component.report import to_json
from tfx_tflite_component.rewriting import Samples, rewrite


def main(request_path: str, response_path: str) -> None:
    """Answers one request with a report or an error of this package; others end the process."""
    request = json.loads(pathlib.Path(request_path).read_text())
    try:
        response = {"report": _rewrite(request)}
    except RewriterError as e:
        response = {
            "error": {
                "type": type(e).__name__,
                "message": str(e),
                "traceback": traceback.format_exc(),
            }
        }
    pathlib.Path(response_path).write_text(json.dumps(response))


def _rewrite(request: dict[str, Any]) -> dict[str, Any]:
    samples = {
        name: list(tf.data.TFRecordDataset(path).as_numpy_iterator())
        for name, path in request["samples"].items()
    }
    transform_graph = request["transform_graph"]
    report = rewrite(
        pathlib.Path(request["source"]),
        pathlib.Path(request["destination"]),
        read_config(request["config"]),
        Samples(**samples),
        pathlib.Path(transform_graph) if transform_graph else None,
    )
    return to_json(report)


if __name__ == "__main__":
    main(*sys.argv[1:])
    # the answer is written: nothing waits for TensorFlow to take itself apart, which takes a second
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
