"""Measures a conversion by the TFLite converter and nothing else."""

import json
import pathlib
import resource
import sys
import time


def main(artifact: str) -> None:
    """Converts the model of an artifact, and prints seconds and memory."""
    start, cpu_start = time.perf_counter(), time.process_time()
    import tensorflow as tf

    imported, cpu_imported = time.perf_counter(), time.process_time()
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(pathlib.Path(artifact, "Format-Serving")), signature_keys=["tensors"]
    )
    converter.convert()
    figures = {
        "import_seconds": imported - start,
        "import_cpu_seconds": cpu_imported - cpu_start,
        "convert_seconds": time.perf_counter() - imported,
        "convert_cpu_seconds": time.process_time() - cpu_imported,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
