"""Measures importing this package after TFX, and then `Do()` on a Model artifact."""

import json
import resource
import sys
import time


def main(source_uri: str, destination_uri: str, mode: str = "NONE") -> None:
    """Rewrites the model of an artifact with a quantization mode, and prints seconds and memory."""
    start = time.perf_counter()
    import tfx.v1  # noqa: F401

    tfx_imported = time.perf_counter()
    import tfx_tflite_component.components.rewriter.component  # noqa: F401

    package_imported = time.perf_counter()
    own_mb, cpu_start = _peak_mb(resource.RUSAGE_SELF), _cpu_seconds()
    do_start = time.perf_counter()
    _do(source_uri, destination_uri, mode)
    figures = {
        "import_tfx_seconds": tfx_imported - start,
        "import_package_seconds": package_imported - tfx_imported,
        "do_seconds": time.perf_counter() - do_start,
        "do_cpu_seconds": _cpu_seconds() - cpu_start,
        "own_mb": own_mb,
        "added_mb": _peak_mb(resource.RUSAGE_SELF) - own_mb,
        # at least own_mb: Linux counts what a child was forked from
        "worker_mb": _peak_mb(resource.RUSAGE_CHILDREN),
    }
    print(json.dumps(figures))


def _do(source_uri: str, destination_uri: str, mode: str) -> None:
    from tfx.types import artifact_utils, standard_artifacts

    from tfx_tflite_component.components.rewriter.executor import Executor

    source, destination = standard_artifacts.Model(), standard_artifacts.Model()
    source.uri, destination.uri = source_uri, destination_uri
    examples = standard_artifacts.Examples()
    examples.uri = f"{source_uri}/examples"
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    inputs = {"model": [source], "examples": [examples]}
    Executor().Do(inputs, {"model": [destination]}, {"config": f"quantization {{ mode: {mode} }}"})


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def _cpu_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main(*sys.argv[1:])
