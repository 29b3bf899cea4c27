"""Measures what `Do()` has a worker do, done in this process."""

import json
import pathlib
import resource
import sys
import time


def main(source_uri: str, destination: str) -> None:
    """Rewrites the model of an artifact and prints seconds and memory."""
    import tfx.v1  # noqa: F401

    from tfx_tflite_component.config import read_config
    from tfx_tflite_component.rewriting import rewrite

    pathlib.Path(destination).mkdir()
    before_mb, start = _peak_mb(), time.perf_counter()
    source = pathlib.Path(source_uri, "Format-Serving")
    rewrite.rewrite(source, pathlib.Path(destination), read_config(None), rewrite.Samples())
    figures = {"seconds": time.perf_counter() - start, "added_mb": _peak_mb() - before_mb}
    print(json.dumps(figures))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
