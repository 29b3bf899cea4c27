"""Runs the rewriting in a process of its own.

The converter is a large C++ program that aborts on some models and keeps memory of others. In a
process of its own it takes nothing down with it.
"""

import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from tfx_tflite_component import errors
from tfx_tflite_component.proto.tflite_rewriter_pb2 import TFLiteRewriterConfig

_LOG_LINES_IN_ERRORS = 12

_log = logging.getLogger(__name__)


class WorkerTraceback(Exception):
    """Where in the other process an error was raised, in words: the cause of the error here."""


def rewrite_isolated(
    source: pathlib.Path,
    destination: pathlib.Path,
    config: TFLiteRewriterConfig,
    samples: Mapping[str, pathlib.Path],
    transform_graph: pathlib.Path | None = None,
) -> dict[str, Any]:
    """Does what `rewriting.rewrite` does, in a process of its own.

    Args:
        source: The folder of the SavedModel.
        destination: An empty folder.
        config: The config, as `read_config` gives it.
        samples: A TFRecord file with serialized `tf.Example`s for each field of
            `rewriting.Samples` that is not left at its default.
        transform_graph: The folder of TF Transform's output, where it is at hand.

    Returns:
        The report, as JSON.

    Raises:
        RewriterError: What `rewriting.rewrite` raised.
        WorkerError: The process died.
    """
    request = {
        "source": str(source.absolute()),
        "destination": str(destination.absolute()),
        "config": json_format.MessageToDict(config, preserving_proto_field_name=True),
        "samples": {name: str(path) for name, path in samples.items()},
        "transform_graph": str(transform_graph.absolute()) if transform_graph else None,
    }
    with tempfile.TemporaryDirectory(prefix="tfx-tflite-") as folder:
        request_path = pathlib.Path(folder, "request.json")
        response_path = pathlib.Path(folder, "response.json")
        log_path = pathlib.Path(folder, "log")
        request_path.write_text(json.dumps(request))
        with log_path.open("wb") as log:
            process = subprocess.run(
                [sys.executable, "-m", "tfx_tflite_component.worker", request_path, response_path],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Python looks for modules where it starts: nothing of the user's is there
                cwd=folder,
                env=_environment(folder),
                check=False,
            )
        log_text = log_path.read_text(errors="replace")
        answered = process.returncode == 0 and response_path.exists()
        response = json.loads(response_path.read_text()) if answered else None
    if response is None:
        raise _death(process.returncode, log_text)
    if "error" in response:
        _log.info("What the worker logged:\n%s", log_text)
        error = response["error"]
        raise getattr(errors, error["type"])(error["message"]) from WorkerTraceback(
            "\n" + error["traceback"]
        )
    _log.debug("What the worker logged:\n%s", log_text)
    return response["report"]


def _environment(folder: str) -> dict[str, str]:
    return {
        **os.environ,
        # finds this package, and what a model's own ops need, wherever this process found them
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        # a process that dies leaves its temporary files behind, such as a copy of the weights
        "TMPDIR": folder,
        # conversion needs no accelerator, and one may be in use
        "CUDA_VISIBLE_DEVICES": "-1",
    }


def _death(returncode: int, log: str) -> errors.WorkerError:
    if returncode < 0:
        how = f"was killed by {signal.Signals(-returncode).name}"
    else:
        how = f"ended with exit code {returncode} and without an answer"
    lines = [line for line in log.splitlines() if line.strip()]
    last_words = "\n".join(f"  {line}" for line in lines[-_LOG_LINES_IN_ERRORS:])
    return errors.WorkerError(
        f"The process that converts and verifies the model {how}. Nothing was published. Its last "
        f"words:\n{last_words}"
    )
