"""Measures importing this package after TFX, `Do()` on a Model artifact, and its work in process.

python component.py ARTIFACT FOLDER
"""

import json
import pathlib
import resource
import sys
import time


def main(source_uri: str, folder: str) -> None:
    """Rewrites the model of an artifact twice, and prints seconds and memory."""
    start = time.perf_counter()
    import tfx.v1  # noqa: F401

    tfx_imported = time.perf_counter()
    import tfx_tflite_component.components.rewriter.component  # noqa: F401

    package_imported = time.perf_counter()
    own_mb, cpu_start = _peak_mb(resource.RUSAGE_SELF), _cpu_seconds()
    do_start = time.perf_counter()
    _do(source_uri, f"{folder}/published")
    figures = {
        "import_tfx_seconds": tfx_imported - start,
        "import_package_seconds": package_imported - tfx_imported,
        "do_seconds": time.perf_counter() - do_start,
        "do_cpu_seconds": _cpu_seconds() - cpu_start,
        "own_mb": own_mb,
        "do_mb": _peak_mb(resource.RUSAGE_SELF),
        # at least own_mb: Linux counts what a child was forked from
        "worker_mb": _peak_mb(resource.RUSAGE_CHILDREN),
    }
    print(json.dumps({**figures, "in_process_seconds": _in_process(source_uri, folder)}))


def _do(source_uri: str, destination_uri: str) -> None:
    from tfx.types import standard_artifacts

    from tfx_tflite_component.components.rewriter.executor import Executor

    source, destination = standard_artifacts.Model(), standard_artifacts.Model()
    source.uri, destination.uri = source_uri, destination_uri
    Executor().Do({"model": [source]}, {"model": [destination]}, {})


def _in_process(source_uri: str, folder: str) -> float:
    """The seconds that the worker's task takes in this process, which has TensorFlow."""
    from tfx_tflite_component.config import read_config
    from tfx_tflite_component.rewriting import rewrite

    start = time.perf_counter()
    destination = pathlib.Path(folder, "in_process")
    destination.mkdir()
    source = pathlib.Path(source_uri, "Format-Serving")
    rewrite.rewrite(source, destination, read_config(None), rewrite.Samples())
    return time.perf_counter() - start


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def _cpu_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main(*sys.argv[1:])
