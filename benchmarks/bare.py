"""Measures a conversion by the TFLite converter and nothing else."""

import json
import pathlib
import resource
import sys
import time


def main(artifact: str, mode: str = "NONE") -> None:
    """Converts the model of an artifact, float or full integer, and prints seconds and memory."""
    start, cpu_start = time.perf_counter(), time.process_time()
    import numpy as np
    import tensorflow as tf

    imported, cpu_imported = time.perf_counter(), time.process_time()
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(pathlib.Path(artifact, "Format-Serving")), signature_keys=["tensors"]
    )
    if mode == "FULL_INTEGER":
        batches = np.load(pathlib.Path(artifact, "values.npy"))[:, None]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: ({"values": batch} for batch in batches)
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
